//! The story, step by step.

use std::pin::Pin;
use std::time::{Duration, Instant};

use booking_host::Ended;
use booking_sim::smoobu::{BookingPatch, Release, WebhookMode};
use booking_sim::{Operation, Vendor};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::flats::{Flat, LOFT, STUDIO, at, today};
use super::scene::{Guest, Held, Miss, Person, Scene, check, span};

/// One step: what it shows, and how.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) play: Play,
}

type Play = for<'s> fn(&'s mut Scene) -> Pin<Box<dyn Future<Output = Held> + 's>>;

pub(super) const STEPS: [Step; 9] = [
    Step {
        name: "A booking becomes a code, an SMS and a guest message",
        play: |scene| Box::pin(booking(scene)),
    },
    Step { name: "Four more guests, four more languages", play: |scene| Box::pin(languages(scene)) },
    Step { name: "A date change keeps the PIN", play: |scene| Box::pin(date_change(scene)) },
    Step { name: "A move to another flat", play: |scene| Box::pin(apartment_move(scene)) },
    Step { name: "A cancellation", play: |scene| Box::pin(cancellation(scene)) },
    Step { name: "A webhook that comes twice", play: |scene| Box::pin(doubled_webhook(scene)) },
    Step { name: "A webhook that comes late", play: |scene| Box::pin(late_webhook(scene)) },
    Step { name: "A lock vendor that is down", play: |scene| Box::pin(outage(scene)) },
    Step { name: "A booking while the host is stopped", play: |scene| Box::pin(stopped_host(scene)) },
];

/// How long The Keys is down.
const OUTAGE: Duration = Duration::from_secs(4);

const ADA: Person = Person { name: "Ada Example", code: "en", language: "English", phone: "+48600000001" };
const BRUNO: Person =
    Person { name: "Bruno Beispiel", code: "de", language: "German", phone: "+48600000002" };
const CELINA: Person =
    Person { name: "Celina Przykład", code: "pl", language: "Polish", phone: "+48600000003" };
const DANA: Person =
    Person { name: "Дана Пример", code: "ru", language: "Russian", phone: "+48600000004" };
const OLENA: Person =
    Person { name: "Олена Приклад", code: "uk", language: "Ukrainian", phone: "+48600000005" };
const EMIL: Person = Person { name: "Emil Example", code: "en", language: "English", phone: "+48600000006" };
const FELIX: Person =
    Person { name: "Felix Beispiel", code: "de", language: "German", phone: "+48600000007" };
const GRETA: Person =
    Person { name: "Greta Przykład", code: "pl", language: "Polish", phone: "+48600000008" };

/// Places in [`Scene::guests`].
const ADAS: usize = 0;
const BRUNOS: usize = 1;
const CELINAS: usize = 2;
const DANAS: usize = 3;

/// The day that many days from now.
fn day(days: u64) -> NaiveDate {
    today() + Days::new(days)
}

/// The guest's first midnight in the flat.
fn first_night(guest: &Guest) -> DateTime<Utc> {
    at(guest.from + Days::new(1), (0, 0))
}

async fn booking(scene: &mut Scene) -> Held {
    let calls = scene.calls();
    let ada = scene.book(ADA, STUDIO, day(3), day(6), WebhookMode::Normal);
    scene.tell.fact("webhook", "newReservation, with a secret in its path");
    let pin = scene.on_door(ada).await?;
    let (sms, message) = scene.told(ada).await?;
    scene.quiet().await?;
    scene.tell_plan(calls);
    let id = scene.guests[ada].id;
    let ledger =
        scene.ledger(id).await.map_err(|seen| Miss { expected: "the ledger can be read".into(), seen })?;
    let [code] = ledger.as_slice() else {
        return Err(Miss { expected: "one code in the ledger".into(), seen: format!("{}", ledger.len()) });
    };
    let proof = format!("{:?}", code.proof).to_lowercase();
    scene.tell.held(format_args!(
        "the code is on the door: PIN {pin}, marked Smoobu#{id}, proof \"{proof}\": read back before the guest was told"
    ));
    scene.opens_in_the_window(ada)?;
    let wrong = format!("{}000000", STUDIO.prefix);
    let night = first_night(&scene.guests[ada]);
    check(!scene.opens(STUDIO, &wrong, night), "other digits open nothing", format!("{wrong} opens"))?;
    scene.tell.held("the guest is told by SMS and in the booking's own thread, once each:");
    scene.tell.quote(format_args!("SMS to {}", ADA.phone), &sms);
    scene.tell.quote("guest message", &message);
    scene.guests[ada].story.push("booked".into());
    Ok(())
}

async fn languages(scene: &mut Scene) -> Held {
    let new: [(Person, &'static Flat, u64, u64); 4] =
        [(BRUNO, LOFT, 2, 5), (CELINA, STUDIO, 9, 12), (DANA, LOFT, 6, 8), (OLENA, STUDIO, 14, 17)];
    let guests: Vec<usize> = new
        .into_iter()
        .map(|(person, flat, from, to)| scene.book(person, flat, day(from), day(to), WebhookMode::Normal))
        .collect();
    for guest in guests {
        let pin = scene.on_door(guest).await?;
        let (sms, _) = scene.told(guest).await?;
        let person = scene.guests[guest].person;
        scene.tell.held(format_args!("{pin} is on the door, and {} reads:", person.name));
        scene.tell.quote(format_args!("SMS to {}, {}", person.phone, person.language), &sms);
        scene.guests[guest].story.push("booked".into());
    }
    scene.quiet().await
}

async fn date_change(scene: &mut Scene) -> Held {
    let (calls, before) = (scene.calls(), scene.guests[BRUNOS].pin.clone());
    let (from, longer) = (scene.guests[BRUNOS].from, scene.guests[BRUNOS].to + Days::new(1));
    scene.guests[BRUNOS].to = longer;
    scene.tell.fact("Smoobu", format_args!("{} stays a night longer: {}", BRUNO.name, span(from, longer)));
    let patch = BookingPatch { departure: Some(longer), ..BookingPatch::default() };
    scene.change(BRUNOS, patch, WebhookMode::Normal).await?;
    let pin = scene.on_door(BRUNOS).await?;
    let (sms, _) = scene.told(BRUNOS).await?;
    scene.quiet().await?;
    scene.tell_plan(calls);
    check(
        before.as_deref() == Some(&pin),
        format!("the PIN stays {}", before.unwrap_or_default()),
        pin.as_str(),
    )?;
    scene.tell.held(format_args!("the same code on the door with new dates, and still the PIN {pin}"));
    scene.opens_in_the_window(BRUNOS)?;
    scene.tell.quote(format_args!("SMS to {}", BRUNO.phone), &sms);
    scene.guests[BRUNOS].story.push("a night longer, same PIN".into());
    Ok(())
}

async fn apartment_move(scene: &mut Scene) -> Held {
    let (calls, old) = (scene.calls(), scene.guests[CELINAS].pin.clone().unwrap_or_default());
    scene.guests[CELINAS].flat = LOFT;
    scene
        .tell
        .fact("Smoobu", format_args!("{} moves from the {} to the {}", CELINA.name, STUDIO.name, LOFT.name));
    let patch = BookingPatch { apartment: Some(LOFT.apartment), ..BookingPatch::default() };
    scene.change(CELINAS, patch, WebhookMode::Normal).await?;
    let pin = scene.on_door(CELINAS).await?;
    let (sms, _) = scene.told(CELINAS).await?;
    let id = scene.guests[CELINAS].id;
    scene
        .until_so("the old code is taken off", || match scene.codes(STUDIO, id).len() {
            0 => Ok(()),
            left => Err(format!("{left} left")),
        })
        .await?;
    scene.quiet().await?;
    scene.tell_plan(calls);
    let done = scene.done_since(calls);
    let first = |operation| done.iter().position(|done| *done == operation);
    let last = |operation| done.iter().rposition(|done| *done == operation);
    let told = [Operation::SendSms, Operation::SendToGuest];
    let in_order = told
        .into_iter()
        .all(|told| first(Operation::CreateCode) < first(told) && last(told) < first(Operation::DeleteCode));
    check(in_order, "the new code, then the message, then the old code off", format!("{done:?}"))?;
    let drawn = |typed: &str| typed.get(2..).unwrap_or_default().to_owned();
    check(
        drawn(&old) == drawn(&pin),
        format!("the digits after the prefix stay {}", drawn(&old)),
        pin.as_str(),
    )?;
    let night = first_night(&scene.guests[CELINAS]);
    check(scene.opens(LOFT, &pin, night), format!("{pin} opens the {}", LOFT.name), "shut")?;
    check(!scene.opens(STUDIO, &old, night), format!("{old} no longer opens the {}", STUDIO.name), "open")?;
    scene.tell.held(format_args!(
        "the new code, then the message, only then the old code off: {} was never locked out",
        CELINA.name
    ));
    scene.tell.held(format_args!("{old} became {pin}: another keypad's prefix, the same digits after it"));
    scene.tell.quote(format_args!("SMS to {}", CELINA.phone), &sms);
    scene.guests[CELINAS].story.push("moved to another flat".into());
    Ok(())
}

async fn cancellation(scene: &mut Scene) -> Held {
    let calls = scene.calls();
    let (id, pin) = (scene.guests[DANAS].id, scene.guests[DANAS].pin.clone().unwrap_or_default());
    let night = first_night(&scene.guests[DANAS]);
    check(scene.opens(LOFT, &pin, night), format!("{pin} opens the {} before", LOFT.name), "shut")?;
    scene.tell.fact("Smoobu", format_args!("booking {id} of {} is cancelled", DANA.name));
    scene.second_passes(id).await?;
    let cancelled = scene.stage.sims().smoobu.cancel(Utc::now(), id);
    check(cancelled, format!("booking {id} can be cancelled"), "Smoobu has no such booking")?;
    scene
        .until_so("the code is taken off", || match scene.codes(LOFT, id).len() {
            0 => Ok(()),
            left => Err(format!("{left} left")),
        })
        .await?;
    scene.quiet().await?;
    scene.tell_plan(calls);
    check(!scene.opens(LOFT, &pin, night), format!("{pin} opens nothing"), "it opens")?;
    scene.tell.held(format_args!(
        "the code is off the door: {pin} opens nothing any more, and no one else gets it for a week"
    ));
    let guest = &mut scene.guests[DANAS];
    guest.on_door = false;
    guest.story.push("cancelled".into());
    Ok(())
}

async fn doubled_webhook(scene: &mut Scene) -> Held {
    let calls = scene.calls();
    let yesterday = today() - Days::new(1);
    let emil = scene.book(EMIL, STUDIO, yesterday, day(2), WebhookMode::Doubled);
    scene.tell.fact("webhook", "newReservation, and the very same once more");
    let pin = scene.on_door(emil).await?;
    scene.told(emil).await?;
    scene.quiet().await?;
    scene.tell_plan(calls);
    let made = scene.done_since(calls).iter().filter(|done| **done == Operation::CreateCode).count();
    check(made == 1, "one code is made", format!("{made}"))?;
    // The counts once more, now that both deliveries have been worked on.
    still_as_told(scene, emil)?;
    scene.tell.held("one code, one SMS, one guest message");
    check(scene.opens(STUDIO, &pin, Utc::now()), format!("{pin} opens the {} now", STUDIO.name), "shut")?;
    scene.tell.held(format_args!(
        "{} is in the house already: {pin} opens the {} right now",
        EMIL.name, STUDIO.name
    ));
    scene.guests[emil].story.push("webhook came twice".into());
    Ok(())
}

async fn late_webhook(scene: &mut Scene) -> Held {
    let before = scene.guests[ADAS].pin.clone();
    let failed = |seen| Miss { expected: "the inbox can be read".into(), seen };
    let arrived = scene.arrived("updateReservation").await.map_err(failed)?;
    let (first, second) = (scene.guests[ADAS].to + Days::new(1), scene.guests[ADAS].to + Days::new(2));
    let (first_day, second_day) =
        (first.format("%a %-d %b").to_string(), second.format("%a %-d %b").to_string());
    scene.tell.fact(
        "Smoobu",
        format_args!("{} stays until {first_day}; the webhook gets stuck on its way", ADA.name),
    );
    let until = |day| BookingPatch { departure: Some(day), ..BookingPatch::default() };
    scene.change(ADAS, until(first), WebhookMode::Held).await?;
    scene.tell.fact("Smoobu", format_args!("then until {second_day}; that webhook arrives"));
    scene.guests[ADAS].to = second;
    scene.change(ADAS, until(second), WebhookMode::Normal).await?;
    scene.on_door(ADAS).await?;
    let (sms, _) = scene.told(ADAS).await?;
    scene.quiet().await?;
    let calls = scene.calls();
    scene.stage.sims().smoobu.release_webhooks(Utc::now(), &Release::InOrder);
    scene.tell.fact("webhook", format_args!("only now the older one: until {first_day}"));
    scene
        .until("the late webhook arrives", async || {
            match scene.arrived("updateReservation").await? - arrived {
                2 => Ok(()),
                new => Err(format!("{new} of 2 webhooks")),
            }
        })
        .await?;
    scene.quiet().await?;
    let pin = scene.on_door(ADAS).await?;
    check(before.as_deref() == Some(&pin), "the PIN stays", pin.as_str())?;
    let writes = scene.done_since(calls).iter().filter(|done| done.is_write()).count();
    check(writes == 0, "the late webhook changes nothing at any vendor", format!("{writes} writes"))?;
    still_as_told(scene, ADAS)?;
    scene.tell.held("the older word changes nothing, and nobody is told a second time");
    scene.opens_in_the_window(ADAS)?;
    scene.tell.quote(format_args!("SMS to {}", ADA.phone), &sms);
    scene.guests[ADAS].story.push("longer; an older webhook came late".into());
    Ok(())
}

async fn outage(scene: &mut Scene) -> Held {
    scene.be_patient(OUTAGE + Duration::from_secs(20));
    let began = Instant::now();
    let until = Utc::now() + TimeDelta::from_std(OUTAGE).unwrap_or_default();
    scene.stage.sims().down_until(Vendor::TheKeys, until);
    scene.tell.fact("The Keys", format_args!("does not answer for {} seconds", OUTAGE.as_secs()));
    let felix = scene.book(FELIX, LOFT, day(20), day(23), WebhookMode::Normal);
    scene
        .until_so("the host tries The Keys in vain", || {
            let sims = scene.stage.sims();
            let failed = sims.log().of(Vendor::TheKeys).any(|call| call.fault == Some("down"));
            if failed { Ok(()) } else { Err("no call".into()) }
        })
        .await?;
    let texts = scene.stage.sims().serwersms.messages_to(FELIX.phone).len();
    check(texts == 0, "nobody is told a PIN that is on no door", format!("{texts} SMS"))?;
    scene.tell.held(
        "the host has tried in vain: the booking is safe in its database, nobody is told a PIN yet, and it tries again",
    );
    let pin = scene.on_door(felix).await?;
    let (sms, _) = scene.told(felix).await?;
    scene.quiet().await?;
    still_as_told(scene, felix)?;
    let took = began.elapsed().as_secs();
    scene.tell.held(format_args!(
        "{took} seconds after it went down: {pin} is on the door, and the guest is told, once"
    ));
    scene.opens_in_the_window(felix)?;
    scene.tell.quote(format_args!("SMS to {}", FELIX.phone), &sms);
    scene.guests[felix].story.push("lock vendor was down".into());
    scene.be_as_usual();
    Ok(())
}

async fn stopped_host(scene: &mut Scene) -> Held {
    scene.quiet().await?;
    let broken = |error: anyhow::Error| Miss {
        expected: "the host stops and starts".into(),
        seen: format!("{error:#}"),
    };
    let ended = scene.stage.stop_host().await.map_err(broken)?;
    check(ended == Some(Ended::Clean), "the host ends what it has begun, and stops", format!("{ended:?}"))?;
    scene.tell.fact("host", "stopped");
    let greta = scene.book(GRETA, STUDIO, day(25), day(28), WebhookMode::Normal);
    scene
        .until_so("the webhook is sent", || match scene.stage.sims().smoobu.waiting_webhooks() {
            0 => Ok(()),
            waiting => Err(format!("{waiting} waiting")),
        })
        .await?;
    scene.tell.fact("webhook", "newReservation: nobody is there to take it, and Smoobu sends it only once");
    scene.stage.start_host().await.map_err(broken)?;
    scene.tell.fact("host", "started over the same database; it reads Smoobu and the doors in full");
    let pin = scene.on_door(greta).await?;
    let (sms, _) = scene.told(greta).await?;
    scene.quiet().await?;
    scene.tell.held(format_args!("{pin}: found by the full read, on the door, told"));
    scene.opens_in_the_window(greta)?;
    scene.tell.quote(format_args!("SMS to {}", GRETA.phone), &sms);
    for guest in 0..scene.guests.len() {
        still_as_told(scene, guest)?;
        let (flat, id, pin) =
            (scene.guests[guest].flat, scene.guests[guest].id, scene.guests[guest].pin.clone());
        let codes = scene.codes(flat, id);
        let there = codes.first().map(|code| format!("{}{}", flat.prefix, code.code));
        let wanted = if scene.guests[guest].on_door { pin } else { None };
        check(there == wanted, format!("booking {id} has the code {wanted:?}"), format!("{there:?}"))?;
    }
    scene.tell.held("everybody else's code and messages are as they were");
    scene.guests[greta].story.push("host was stopped, webhook lost".into());
    Ok(())
}

/// No guest has more messages than were told here.
fn still_as_told(scene: &Scene, guest: usize) -> Held {
    let guest = &scene.guests[guest];
    let sims = scene.stage.sims();
    let seen =
        (sims.serwersms.messages_to(guest.person.phone).len(), sims.smoobu.guest_messages(guest.id).len());
    drop(sims);
    let expected = format!("{} has {} SMS and as many guest messages", guest.person.name, guest.told);
    check(seen == (guest.told, guest.told), expected, format!("{} and {}", seen.0, seen.1))
}
