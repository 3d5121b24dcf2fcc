//! Every text, rendered.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::sync::LazyLock;

use booking_core::store::MessageKind;
use booking_core::{Pin, sms};
use chrono::{NaiveDate, NaiveDateTime};
use proptest::prelude::*;

use super::catalog::built_in;
use super::guest::Topic;
use super::*;
use crate::alert::AlertKind;

const WIDE: Form = Form::Sms { max_segments: 9 };

fn at(month: u32, day: u32, hour: u32, minute: u32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2027, month, day).unwrap().and_hms_opt(hour, minute, 0).unwrap()
}

fn texts() -> &'static Texts {
    static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::load(None).unwrap());
    &TEXTS
}

fn door(label: &str, typed: &str, confirm: Option<ConfirmKey>) -> GuestDoor {
    GuestDoor { label: label.to_owned(), typed: Pin::parse(typed).unwrap(), confirm }
}

fn message(kind: MessageKind) -> GuestMessage {
    GuestMessage {
        kind,
        guest_name: Some("Anna Nowak".to_owned()),
        unit: "Harbour Studio".to_owned(),
        previous_unit: None,
        start: at(3, 5, 15, 0),
        end: at(3, 8, 11, 30),
        doors: vec![door("Flat", "314821", None)],
        works_from: None,
        help: Some("+48 500 600 700".to_owned()),
    }
}

/// A message for each family of texts.
fn topics() -> [GuestMessage; 5] {
    [
        message(MessageKind::CodeReady),
        message(MessageKind::TimesChanged),
        GuestMessage { previous_unit: Some("Loft 2".to_owned()), ..message(MessageKind::Moved) },
        message(MessageKind::Moved),
        message(MessageKind::CodeChanged),
    ]
}

/// The same with everything that may be in it.
fn full(message: GuestMessage) -> GuestMessage {
    GuestMessage {
        doors: vec![
            door("Front door", "77001", Some(ConfirmKey::Key)),
            door("Flat", "314821", Some(ConfirmKey::Check)),
        ],
        works_from: Some(at(3, 5, 15, 20)),
        ..message
    }
}

fn render(language: Language, form: Form, message: &GuestMessage) -> Rendered {
    texts().render(&language.into(), form, message).unwrap()
}

#[track_caller]
fn check(language: Language, form: Form, message: &GuestMessage, subject: &str, body: &str) {
    let rendered = render(language, form, message);
    assert_eq!((rendered.subject.as_str(), rendered.body.as_str()), (subject, body));
    assert_eq!((rendered.language, rendered.failed.len()), (language, 0));
}

#[test]
fn guest_texts_in_english() {
    let told = [
        (
            "Your door code for Harbour Studio",
            "Hello Anna Nowak,\n\n\
             Here is your door code for Harbour Studio.\n\n\
             Door code: 314821\n\n\
             Check-in: from Fri 5 March 2027, 15:00\n\
             Check-out: by Mon 8 March 2027, 11:30\n\n\
             If you need help, please contact: +48 500 600 700\n\n\
             We wish you a pleasant stay.",
            "Hello Anna Nowak, your door code for Harbour Studio: 314821\n\
             Check-in: from Fri 5 March 2027, 15:00\n\
             Check-out: by Mon 8 March 2027, 11:30\n\
             Help: +48 500 600 700",
        ),
        (
            "New times for your stay at Harbour Studio",
            "Hello Anna Nowak,\n\n\
             The times of your stay at Harbour Studio have changed. Your door code stays the same.\n\n\
             Door code: 314821\n\n\
             Check-in: from Fri 5 March 2027, 15:00\n\
             Check-out: by Mon 8 March 2027, 11:30\n\n\
             If you need help, please contact: +48 500 600 700\n\n\
             We wish you a pleasant stay.",
            "Hello Anna Nowak, the times of your stay at Harbour Studio have changed. Your door code stays the same: 314821\n\
             Check-in: from Fri 5 March 2027, 15:00\n\
             Check-out: by Mon 8 March 2027, 11:30\n\
             Help: +48 500 600 700",
        ),
        (
            "Your stay is now at Harbour Studio",
            "Hello Anna Nowak,\n\n\
             Your accommodation has changed from Loft 2 to Harbour Studio.\n\n\
             Door code: 314821\n\n\
             Check-in: from Fri 5 March 2027, 15:00\n\
             Check-out: by Mon 8 March 2027, 11:30\n\n\
             If you need help, please contact: +48 500 600 700\n\n\
             We wish you a pleasant stay.",
            "Hello Anna Nowak, your accommodation has changed from Loft 2 to Harbour Studio. Your door code: 314821\n\
             Check-in: from Fri 5 March 2027, 15:00\n\
             Check-out: by Mon 8 March 2027, 11:30\n\
             Help: +48 500 600 700",
        ),
        (
            "Your access to Harbour Studio has changed",
            "Hello Anna Nowak,\n\n\
             Your access to Harbour Studio has changed. Please use the door code below.\n\n\
             Door code: 314821\n\n\
             Check-in: from Fri 5 March 2027, 15:00\n\
             Check-out: by Mon 8 March 2027, 11:30\n\n\
             If you need help, please contact: +48 500 600 700\n\n\
             We wish you a pleasant stay.",
            "Hello Anna Nowak, your access to Harbour Studio has changed. Your door code: 314821\n\
             Check-in: from Fri 5 March 2027, 15:00\n\
             Check-out: by Mon 8 March 2027, 11:30\n\
             Help: +48 500 600 700",
        ),
        (
            "New door code for Harbour Studio",
            "Hello Anna Nowak,\n\n\
             You have a new door code for Harbour Studio. It replaces the previous one.\n\n\
             Door code: 314821\n\n\
             Check-in: from Fri 5 March 2027, 15:00\n\
             Check-out: by Mon 8 March 2027, 11:30\n\n\
             If you need help, please contact: +48 500 600 700\n\n\
             We wish you a pleasant stay.",
            "Hello Anna Nowak, your new door code for Harbour Studio: 314821\n\
             Check-in: from Fri 5 March 2027, 15:00\n\
             Check-out: by Mon 8 March 2027, 11:30\n\
             Help: +48 500 600 700",
        ),
    ];
    for (message, (subject, thread, text)) in topics().iter().zip(told) {
        check(Language::En, Form::Thread, message, subject, thread);
        check(Language::En, WIDE, message, subject, text);
    }
    let message = full(message(MessageKind::CodeReady));
    let subject = "Your door code for Harbour Studio";
    let thread = "Hello Anna Nowak,\n\n\
                  Here are your door codes for Harbour Studio.\n\n\
                  Door codes:\n\
                  Front door: 77001, then press the button with the key symbol\n\
                  Flat: 314821, then press the key with the tick\n\n\
                  Check-in: from Fri 5 March 2027, 15:00\n\
                  Check-out: by Mon 8 March 2027, 11:30\n\n\
                  The codes work from Fri 5 March 2027, 15:20.\n\n\
                  If you need help, please contact: +48 500 600 700\n\n\
                  We wish you a pleasant stay.";
    let text = "Hello Anna Nowak, your door codes for Harbour Studio:\n\
                Front door: 77001, then press the button with the key symbol\n\
                Flat: 314821, then press the key with the tick\n\
                Check-in: from Fri 5 March 2027, 15:00\n\
                Check-out: by Mon 8 March 2027, 11:30\n\
                The codes work from Fri 5 March 2027, 15:20.\n\
                Help: +48 500 600 700";
    check(Language::En, Form::Thread, &message, subject, thread);
    check(Language::En, WIDE, &message, subject, text);
}

#[test]
fn guest_texts_in_german() {
    let told = [
        (
            "Ihr Türcode für Harbour Studio",
            "Guten Tag Anna Nowak,\n\n\
             hier ist Ihr Türcode für Harbour Studio.\n\n\
             Türcode: 314821\n\n\
             Anreise: ab Fr., 5. März 2027, 15:00 Uhr\n\
             Abreise: bis Mo., 8. März 2027, 11:30 Uhr\n\n\
             Wenn Sie Hilfe benötigen, wenden Sie sich bitte an: +48 500 600 700\n\n\
             Wir wünschen Ihnen einen angenehmen Aufenthalt.",
            "Guten Tag Anna Nowak, Ihr Türcode für Harbour Studio: 314821\n\
             Anreise: ab Fr., 5. März 2027, 15:00 Uhr\n\
             Abreise: bis Mo., 8. März 2027, 11:30 Uhr\n\
             Hilfe: +48 500 600 700",
        ),
        (
            "Neue Zeiten für Ihren Aufenthalt: Harbour Studio",
            "Guten Tag Anna Nowak,\n\n\
             die Zeiten Ihres Aufenthalts (Harbour Studio) haben sich geändert. Ihr Türcode bleibt gleich.\n\n\
             Türcode: 314821\n\n\
             Anreise: ab Fr., 5. März 2027, 15:00 Uhr\n\
             Abreise: bis Mo., 8. März 2027, 11:30 Uhr\n\n\
             Wenn Sie Hilfe benötigen, wenden Sie sich bitte an: +48 500 600 700\n\n\
             Wir wünschen Ihnen einen angenehmen Aufenthalt.",
            "Guten Tag Anna Nowak, die Zeiten Ihres Aufenthalts (Harbour Studio) haben sich geändert. Ihr Türcode bleibt gleich: 314821\n\
             Anreise: ab Fr., 5. März 2027, 15:00 Uhr\n\
             Abreise: bis Mo., 8. März 2027, 11:30 Uhr\n\
             Hilfe: +48 500 600 700",
        ),
        (
            "Ihre neue Unterkunft: Harbour Studio",
            "Guten Tag Anna Nowak,\n\n\
             Ihre Unterkunft hat sich geändert: Harbour Studio statt Loft 2.\n\n\
             Türcode: 314821\n\n\
             Anreise: ab Fr., 5. März 2027, 15:00 Uhr\n\
             Abreise: bis Mo., 8. März 2027, 11:30 Uhr\n\n\
             Wenn Sie Hilfe benötigen, wenden Sie sich bitte an: +48 500 600 700\n\n\
             Wir wünschen Ihnen einen angenehmen Aufenthalt.",
            "Guten Tag Anna Nowak, Ihre Unterkunft hat sich geändert: Harbour Studio statt Loft 2. Ihr Türcode: 314821\n\
             Anreise: ab Fr., 5. März 2027, 15:00 Uhr\n\
             Abreise: bis Mo., 8. März 2027, 11:30 Uhr\n\
             Hilfe: +48 500 600 700",
        ),
        (
            "Ihr neuer Zugang: Harbour Studio",
            "Guten Tag Anna Nowak,\n\n\
             Ihr Zugang (Harbour Studio) hat sich geändert. Bitte verwenden Sie den folgenden Türcode.\n\n\
             Türcode: 314821\n\n\
             Anreise: ab Fr., 5. März 2027, 15:00 Uhr\n\
             Abreise: bis Mo., 8. März 2027, 11:30 Uhr\n\n\
             Wenn Sie Hilfe benötigen, wenden Sie sich bitte an: +48 500 600 700\n\n\
             Wir wünschen Ihnen einen angenehmen Aufenthalt.",
            "Guten Tag Anna Nowak, Ihr Zugang (Harbour Studio) hat sich geändert. Ihr Türcode: 314821\n\
             Anreise: ab Fr., 5. März 2027, 15:00 Uhr\n\
             Abreise: bis Mo., 8. März 2027, 11:30 Uhr\n\
             Hilfe: +48 500 600 700",
        ),
        (
            "Ihr neuer Türcode für Harbour Studio",
            "Guten Tag Anna Nowak,\n\n\
             Sie haben einen neuen Türcode für Harbour Studio. Er ersetzt den bisherigen.\n\n\
             Türcode: 314821\n\n\
             Anreise: ab Fr., 5. März 2027, 15:00 Uhr\n\
             Abreise: bis Mo., 8. März 2027, 11:30 Uhr\n\n\
             Wenn Sie Hilfe benötigen, wenden Sie sich bitte an: +48 500 600 700\n\n\
             Wir wünschen Ihnen einen angenehmen Aufenthalt.",
            "Guten Tag Anna Nowak, Ihr neuer Türcode für Harbour Studio: 314821\n\
             Anreise: ab Fr., 5. März 2027, 15:00 Uhr\n\
             Abreise: bis Mo., 8. März 2027, 11:30 Uhr\n\
             Hilfe: +48 500 600 700",
        ),
    ];
    for (message, (subject, thread, text)) in topics().iter().zip(told) {
        check(Language::De, Form::Thread, message, subject, thread);
        check(Language::De, WIDE, message, subject, text);
    }
    let message = full(message(MessageKind::CodeReady));
    let subject = "Ihr Türcode für Harbour Studio";
    let thread = "Guten Tag Anna Nowak,\n\n\
                  hier sind Ihre Türcodes für Harbour Studio.\n\n\
                  Türcodes:\n\
                  Front door: 77001, dann die Taste mit dem Schlüsselsymbol drücken\n\
                  Flat: 314821, dann die Taste mit dem Häkchen drücken\n\n\
                  Anreise: ab Fr., 5. März 2027, 15:00 Uhr\n\
                  Abreise: bis Mo., 8. März 2027, 11:30 Uhr\n\n\
                  Die Codes funktionieren ab Fr., 5. März 2027, 15:20 Uhr.\n\n\
                  Wenn Sie Hilfe benötigen, wenden Sie sich bitte an: +48 500 600 700\n\n\
                  Wir wünschen Ihnen einen angenehmen Aufenthalt.";
    let text = "Guten Tag Anna Nowak, Ihre Türcodes für Harbour Studio:\n\
                Front door: 77001, dann die Taste mit dem Schlüsselsymbol drücken\n\
                Flat: 314821, dann die Taste mit dem Häkchen drücken\n\
                Anreise: ab Fr., 5. März 2027, 15:00 Uhr\n\
                Abreise: bis Mo., 8. März 2027, 11:30 Uhr\n\
                Die Codes funktionieren ab Fr., 5. März 2027, 15:20 Uhr.\n\
                Hilfe: +48 500 600 700";
    check(Language::De, Form::Thread, &message, subject, thread);
    check(Language::De, WIDE, &message, subject, text);
}

#[test]
fn every_text_names_code_days_and_times() {
    for language in Language::ALL {
        for plain in topics() {
            for message in [
                full(plain.clone()),
                GuestMessage { guest_name: None, help: None, ..full(plain.clone()) },
                plain,
            ] {
                for form in [Form::Thread, WIDE] {
                    let Rendered { subject, body, .. } = render(language, form, &message);
                    let told = |at| body.contains(&date::moment(language, at));
                    assert!(told(message.start) && told(message.end), "{body}");
                    assert!(message.works_from.is_none_or(told), "{body}");
                    assert!(message.doors.iter().all(|door| body.contains(door.typed.expose())), "{body}");
                    assert!(
                        body.contains("Harbour Studio") && subject.contains("Harbour Studio"),
                        "{subject}\n{body}"
                    );
                    assert_eq!(body.contains("Anna Nowak"), message.guest_name.is_some(), "{body}");
                    assert_eq!(body.contains("+48 500 600 700"), message.help.is_some(), "{body}");
                    assert_eq!(body.contains("Loft 2"), message.previous_unit.is_some(), "{body}");
                    let clean = |text: &str| {
                        !text.contains(['{', '}', '$', '\u{2068}', '\u{2069}']) && !text.contains("  ")
                    };
                    assert!(clean(&subject) && clean(&body), "{subject}\n{body}");
                    assert!(body.lines().all(|line| line == line.trim()), "{body}");
                    assert!(
                        message.doors.iter().all(|door| !subject.contains(door.typed.expose())),
                        "{subject}"
                    );
                }
            }
        }
    }
}

#[test]
fn text_messages_stay_within_their_segments() {
    // What a text may cost: the usual one with its name, and the shortest there is.
    let limits = |language| match language {
        Language::En | Language::De | Language::Pl => (2, 1),
        Language::Ru | Language::Uk => (4, 2),
    };
    let mut table = String::new();
    let mut good = true;
    for language in Language::ALL {
        let (usual, least) = limits(language);
        for message in topics() {
            let full = render(language, Form::Sms { max_segments: usual }, &message);
            let short = texts().render(&language.into(), Form::Sms { max_segments: least }, &message);
            let short = short.map_or_else(|error| error.to_string(), |short| short.body);
            for (body, most, sign) in [(full.body, usual, "Anna Nowak"), (short, least, "314821")] {
                let counted = sms::segments(&body);
                let fits = counted.segments <= most && body.contains(sign);
                good &= fits;
                let mark = if fits { " " } else { "!" };
                let (used, units, encoding) = (counted.segments, counted.units, counted.encoding);
                let kind = format!("{:?}", message.kind);
                let _ = writeln!(
                    table,
                    "{mark} {language} {kind:<12} {used}/{most} {units:>3} {encoding:?} {body:?}"
                );
            }
        }
    }
    assert!(good, "{table}");
}

#[test]
fn text_messages_shrink_step_by_step() {
    let message = message(MessageKind::CodeReady);
    let long = GuestMessage { unit: "Apartament przy Placu Wolności".to_owned(), ..message.clone() };
    for (language, message, max_segments, body) in [
        (
            Language::De,
            &message,
            2,
            "Guten Tag Anna Nowak, Ihr Türcode für Harbour Studio: 314821\n\
             Anreise: ab Fr., 5. März 2027, 15:00 Uhr\nAbreise: bis Mo., 8. März 2027, 11:30 Uhr\nHilfe: +48 500 600 700",
        ),
        (
            Language::De,
            &message,
            1,
            "Guten Tag, Ihr Türcode für Harbour Studio: 314821\n\
             Anreise: ab Fr., 5. März 2027, 15:00 Uhr\nAbreise: bis Mo., 8. März 2027, 11:30 Uhr\nHilfe: +48 500 600 700",
        ),
        (
            Language::De,
            &long,
            1,
            "Türcode für Apartament przy Placu Wolnosci: 314821\n5.3. 15:00 - 8.3. 11:30",
        ),
        (
            Language::Pl,
            &long,
            3,
            "Dzień dobry, Anna Nowak! Kod do drzwi (Apartament przy Placu Wolności): 314821\n\
             Zameldowanie: od pt., 5 marca 2027, 15:00\nWymeldowanie: do pon., 8 marca 2027, 11:30\nPomoc: +48 500 600 700",
        ),
        (
            Language::Pl,
            &long,
            2,
            "Dzien dobry, Anna Nowak! Kod do drzwi (Apartament przy Placu Wolnosci): 314821\n\
             Zameldowanie: od pt., 5 marca 2027, 15:00\nWymeldowanie: do pon., 8 marca 2027, 11:30\nPomoc: +48 500 600 700",
        ),
        (Language::Ru, &message, 1, "Код от двери, Harbour Studio: 314821\n05.03 15:00 - 08.03 11:30"),
    ] {
        assert_eq!(
            render(language, Form::Sms { max_segments }, message).body,
            body,
            "{language} {max_segments}"
        );
    }
    let error =
        texts().render(&Language::Uk.into(), Form::Sms { max_segments: 1 }, &full(message)).unwrap_err();
    let TextError::TooLong { language: Language::Uk, segments, max_segments: 1 } = error else {
        panic!("{error}")
    };
    assert!(segments > 1);
}

#[test]
fn a_name_in_another_script_is_left_out_where_it_costs_too_much() {
    let message = GuestMessage {
        guest_name: Some("Катерина Шевченко".to_owned()),
        ..message(MessageKind::CodeReady)
    };
    let wide = render(Language::De, WIDE, &message);
    assert!(wide.body.starts_with("Guten Tag Катерина Шевченко, Ihr Türcode"), "{}", wide.body);
    let narrow = render(Language::De, Form::Sms { max_segments: 2 }, &message);
    assert!(narrow.body.starts_with("Guten Tag, Ihr Türcode"), "{}", narrow.body);
    assert_eq!(sms::segments(&narrow.body).encoding, sms::Encoding::Gsm7);
}

#[test]
fn names_are_data() {
    for (name, greeting) in [
        (Some("{full_pin}"), "Hello {full_pin},\n\n"),
        (Some("$&"), "Hello $&,\n\n"),
        (Some("{ $codes } { -term }"), "Hello { $codes } { -term },\n\n"),
        (Some("$1\\0%s"), "Hello $1\\0%s,\n\n"),
        (Some("Anna\r\n\u{2068}Maria\0"), "Hello Anna Maria,\n\n"),
        (
            Some("Wolfeschlegelsteinhausenbergerdorff-Müller"),
            "Hello Wolfeschlegelsteinhausenbergerdorff-Müll,\n\n",
        ),
        (Some(" \u{200b}\n "), "Hello,\n\n"),
        (Some(""), "Hello,\n\n"),
        (None, "Hello,\n\n"),
    ] {
        let message = GuestMessage { guest_name: name.map(str::to_owned), ..message(MessageKind::CodeReady) };
        let body = render(Language::En, Form::Thread, &message).body;
        assert!(body.starts_with(greeting), "{name:?}: {body}");
        let without = GuestMessage { guest_name: None, ..message };
        let rest = render(Language::En, Form::Thread, &without).body;
        assert_eq!(body.strip_prefix(greeting), rest.strip_prefix("Hello,\n\n"), "{name:?}");
    }
}

#[test]
fn doors_are_named_where_their_codes_differ() {
    use ConfirmKey::{Enter, Hash};
    for (doors, told) in [
        (vec![door("Flat", "314821", None)], "Door code: 314821\n\nCheck-in"),
        (
            vec![door("Flat", "0042", Some(Hash))],
            "Door code: 0042\n\nEnter the code, then press the # key.\n\nCheck-in",
        ),
        (
            vec![door("Front door", "314821", None), door("Flat", "314821", None)],
            "Door code: 314821\n\nThis code opens: Front door, Flat\n\nCheck-in",
        ),
        (
            vec![door("Front door", "77001", None), door("", "314821", None)],
            "Door codes:\nFront door: 77001\n2: 314821\n\nCheck-in",
        ),
        (
            vec![door("Front door", "77001", Some(Hash)), door("Flat", "314821", Some(Hash))],
            "Door codes:\nFront door: 77001\nFlat: 314821\n\nEnter the code, then press the # key.\n\nCheck-in",
        ),
        (
            vec![
                door("Front door", "77001", Some(Enter)),
                door("Lobby", "77001", None),
                door("Flat", "77001", Some(Hash)),
            ],
            "Door codes:\nFront door: 77001, then press the Enter key\nLobby: 77001\nFlat: 77001, then press the # key\n\nCheck-in",
        ),
    ] {
        let body =
            render(Language::En, Form::Thread, &GuestMessage { doors, ..message(MessageKind::CodeReady) })
                .body;
        assert!(body.contains(told), "{told}\n---\n{body}");
    }
    let none = GuestMessage { doors: Vec::new(), ..message(MessageKind::CodeReady) };
    assert_eq!(texts().render(&Language::En.into(), Form::Thread, &none), Err(TextError::NoDoor));
}

#[test]
fn j04_language_without_template_falls_back_and_fills_every_placeholder() {
    for (guest, tenant, language, start) in [
        (Some("fr"), "de", Language::De, "Fr., 5. März 2027, 15:00 Uhr"),
        (Some("pt_BR"), "pl", Language::Pl, "pt., 5 marca 2027, 15:00"),
        (Some("constructor"), "it", Language::En, "Fri 5 March 2027, 15:00"),
        (None, "uk", Language::Uk, "пт, 5 березня 2027 р., 15:00"),
    ] {
        for plain in topics() {
            for form in [Form::Thread, WIDE] {
                let rendered =
                    texts().render(&Languages::of(guest, tenant), form, &full(plain.clone())).unwrap();
                assert_eq!(rendered.language, language);
                for part in ["Anna Nowak", "Harbour Studio", "77001", "314821", start, "+48 500 600 700"] {
                    assert!(rendered.body.contains(part), "{part}: {}", rendered.body);
                }
                assert!(
                    !rendered.body.contains(['{', '$']) && !rendered.subject.contains(['{', '$']),
                    "{}",
                    rendered.body
                );
            }
        }
    }
}

#[test]
fn an_incomplete_language_is_skipped_and_told() {
    let mut layers = built_in();
    for layer in layers.iter_mut().filter(|layer| layer.language == Language::Pl) {
        layer.source = layer.source.replace("\nclosing =", "\n-closing =");
    }
    let texts = Texts::of(layers.clone(), Vec::new()).unwrap();
    let message = message(MessageKind::CodeReady);
    let rendered = texts.render(&Languages::of(Some("pl"), "de"), Form::Thread, &message).unwrap();
    assert_eq!(rendered.body, render(Language::De, Form::Thread, &message).body);
    let failed =
        FailedText { language: Language::Pl, id: "closing".to_owned(), what: "no such text".to_owned() };
    assert_eq!((rendered.language, rendered.failed), (Language::De, vec![failed]));
    // A text that does not need it is not touched.
    assert_eq!(
        texts.render(&Languages::of(Some("pl"), "de"), WIDE, &message).unwrap().language,
        Language::Pl
    );

    for layer in &mut layers {
        layer.source = layer.source.replace("\nclosing =", "\n-closing =");
    }
    let texts = Texts::of(layers, Vec::new()).unwrap();
    let error = texts.render(&Languages::of(Some("pl"), "de"), Form::Thread, &message).unwrap_err();
    let told =
        "no usable text: pl: closing: no such text; de: closing: no such text; en: closing: no such text";
    assert_eq!(error.to_string(), told);
}

#[test]
fn texts_that_are_used_are_the_texts_that_there_are() {
    let mut used: BTreeSet<String> = BTreeSet::new();
    used.extend(Topic::ALL.into_iter().flat_map(|topic| Topic::PARTS.map(|part| topic.id(part))));
    used.extend(ConfirmKey::ALL.map(|key| key.id().to_owned()));
    used.extend(
        AlertKind::ALL
            .into_iter()
            .flat_map(|kind| [format!("staff-{kind}"), format!("staff-{kind}-subject")]),
    );
    used.extend(StaffArgs::LINES.map(|line| format!("staff-line-{line}")));
    let pieces = "closing codes codes-shared confirm confirm-short door door-confirm greeting greeting-nameless help \
                  help-sms times times-short works-from works-from-short";
    used.extend(pieces.split_whitespace().map(str::to_owned));
    // `cargo xtask l10n` holds the locale files against the same list.
    let listed: Vec<&str> = include_str!("../../locales/keys.txt").lines().collect();
    assert_eq!(used.iter().map(String::as_str).collect::<Vec<_>>(), listed);
}

#[test]
fn every_alert_has_its_texts() {
    let about = StaffArgs {
        reference: Some("9001".to_owned()),
        unit: Some("studio-a".to_owned()),
        door: Some("studio-a-door".to_owned()),
        account: Some("thekeys".to_owned()),
        date: NaiveDate::from_ymd_opt(2027, 3, 5),
        detail: Some("HTTP 500\nfrom the vendor".to_owned()),
    };
    for language in Language::ALL {
        let mut subjects = BTreeSet::new();
        for kind in AlertKind::ALL {
            let thread = texts().render_staff(&language.into(), Form::Thread, kind, &about).unwrap();
            let text = texts().render_staff(&language.into(), WIDE, kind, &about).unwrap();
            for body in [&thread.body, &text.body] {
                for part in [
                    "9001",
                    "studio-a-door",
                    "thekeys",
                    &date::day(language, about.date.unwrap()),
                    "HTTP 500 from the vendor",
                ] {
                    assert!(body.contains(part), "{kind} {language}: {body}");
                }
            }
            assert!(text.body.starts_with(&thread.subject) && thread.failed.is_empty(), "{}", text.body);
            let bare =
                texts().render_staff(&language.into(), Form::Thread, kind, &StaffArgs::default()).unwrap();
            assert!(
                thread.body.starts_with(&format!("{}\n\n", bare.body)) && bare.body.ends_with('.'),
                "{}",
                bare.body
            );
            // The subject alone is for a pager: one segment.
            let pager =
                texts().render_staff(&language.into(), Form::Sms { max_segments: 1 }, kind, &about).unwrap();
            assert!(sms::segments(&pager.body).segments == 1, "{}", pager.body);
            assert!(subjects.insert(thread.subject), "{kind} {language}");
        }
    }
}

#[test]
fn staff_texts() {
    let about = StaffArgs {
        door: Some("studio-a-door".to_owned()),
        account: Some("thekeys".to_owned()),
        ..StaffArgs::default()
    };
    for (language, form, body) in [
        (
            Language::En,
            Form::Thread,
            "The codes on a door cannot be read. Nothing is changed on it until they can. Check the lock, its gateway \
             and the account.\n\nDoor: studio-a-door\nAccount: thekeys",
        ),
        (Language::En, WIDE, "Door cannot be read\nDoor: studio-a-door\nAccount: thekeys"),
        (
            Language::De,
            Form::Thread,
            "Die Codes einer Tür können nicht gelesen werden. Bis dahin wird an ihr nichts geändert. Bitte Schloss, \
             Gateway und Konto prüfen.\n\nTür: studio-a-door\nKonto: thekeys",
        ),
        (Language::De, WIDE, "Tür nicht lesbar\nTür: studio-a-door\nKonto: thekeys"),
    ] {
        let rendered =
            texts().render_staff(&language.into(), form, AlertKind::DoorUnreadable, &about).unwrap();
        assert_eq!(rendered.body, body);
    }
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, source) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, source).unwrap();
    }
    folder
}

#[test]
fn a_tenant_overrides_single_texts() {
    let folder = folder(&[
        (
            "de/ours.ftl",
            "\u{feff}-house = { $case ->\r\n   *[nominative] Hafenhaus\r\n    [genitive] Hafenhauses\r\n  }\r\n\
             # Ours\r\nclosing = Das Team des { -house(case: \"genitive\") }\r\n",
        ),
        ("de/more.ftl", "greeting = Moin { $name }!\n"),
        ("README.md", "Not ours"),
        (".git/x.ftl", "nonsense"),
    ]);
    let texts = Texts::load(Some(folder.path())).unwrap();
    let message = message(MessageKind::CodeReady);
    let german = texts.render(&Language::De.into(), Form::Thread, &message).unwrap();
    assert!(german.body.starts_with("Moin Anna Nowak!\n\nhier ist"), "{}", german.body);
    assert!(german.body.ends_with("\n\nDas Team des Hafenhauses"), "{}", german.body);
    let english = texts.render(&Language::En.into(), Form::Thread, &message).unwrap();
    assert_eq!(english, render(Language::En, Form::Thread, &message));
}

#[test]
fn broken_overrides_are_told_all_at_once() {
    let folder = folder(&[
        (
            "en/a.ftl",
            "# line 1\nclosing = Bye\n\ngreting = Hi\ngreeting = Hi { $name\nhelp = { -house } { $unit }\n\
             codes = Ask us\nhelp-sms = { NUMBER($contact) }\n-team = Team { $unit }\n\
             door = { $pin ->\n    [0] zero\n   *[other] { $pin }\n }\nkey-hash = #{ $name }\n",
        ),
        ("en/b.ftl", "closing = Bye { confirm.short } { closing }\nconfirm =\n    .short = Go\n"),
        ("fr/a.ftl", "closing = Au revoir\n"),
        ("guest.ftl", "closing = Bye\n"),
    ]);
    let TextError::Files(problems) = Texts::load(Some(folder.path())).unwrap_err() else {
        panic!("another error")
    };
    let root = format!("{}/", folder.path().display());
    let told: Vec<String> = problems.iter().map(|problem| problem.to_string().replace(&root, "")).collect();
    assert_eq!(
        told,
        [
            "en/a.ftl:4: there is no message `greting`",
            "en/a.ftl:6: Expected a token starting with \"}\"",
            "en/a.ftl:6: `help` has no variable $unit; it has $contact",
            "en/a.ftl:6: `help` refers to -house, which does not exist",
            "en/a.ftl:7: `codes` must always show $codes",
            "en/a.ftl:8: `help-sms` calls NUMBER(), but there are no functions",
            "en/a.ftl:9: `-team` shows $unit, but terms can only choose by a variable",
            "en/a.ftl:10: `door` must always show $pin",
            "en/a.ftl:14: `key-hash` has no variable $name; it has none",
            "en/b.ftl:1: `closing` refers to confirm.short, which does not exist",
            "en/b.ftl:1: `closing` refers to itself through closing",
            "en/b.ftl:1: `closing` stands a second time, after en/a.ftl",
            "en/b.ftl:2: `confirm` has attributes, which no text here has",
            "en/b.ftl:2: `confirm` has no text",
            "fr: no language of these texts; there are en, de, pl, ru, uk",
            "guest.ftl: texts belong into the folder of their language",
        ]
    );
    let missing = Texts::load(Some(&folder.path().join("nowhere"))).unwrap_err().to_string();
    assert!(
        missing.starts_with("1 problem in the texts: ") && missing.contains("cannot be read"),
        "{missing}"
    );
}

#[test]
fn nothing_personal_in_debug() {
    let message = message(MessageKind::CodeReady);
    let shown = format!("{message:?} {:?} {:?}", message.doors, render(Language::En, Form::Thread, &message));
    for part in ["Anna", "314821", "Harbour", "+48"] {
        assert!(!shown.contains(part), "{shown}");
    }
}

fn languages() -> impl Strategy<Value = Language> {
    proptest::sample::select(Language::ALL.to_vec())
}

proptest! {
    #[test]
    fn whatever_people_are_called_there_is_a_text_or_a_reason(
        name in proptest::option::of(any::<String>()),
        unit in "\\PC{0,90}",
        label in any::<String>(),
        pins in proptest::collection::vec("[0-9]{4,8}", 1..4),
        topic in 0..5_usize,
        language in languages(),
        max_segments in 1..7_usize,
    ) {
        let message = GuestMessage {
            guest_name: name.clone(),
            unit: unit.clone(),
            doors: pins.iter().map(|pin| door(&label, pin, None)).collect(),
            ..topics()[topic].clone()
        };
        let texts = texts();
        for form in [Form::Thread, Form::Sms { max_segments }] {
            match texts.render(&language.into(), form, &message) {
                Ok(rendered) => {
                    let whole = format!("{}\n{}", rendered.subject, rendered.body);
                    let isolated = whole.contains(['\u{2068}', '\u{2069}']);
                    prop_assert!(!isolated);
                    let given = [name.as_deref().unwrap_or_default(), &unit, &label].concat();
                    prop_assert!(given.contains('{') || !whole.contains('{'), "{}", whole);
                    for pin in &pins {
                        prop_assert!(rendered.body.contains(pin.as_str()));
                    }
                    if let Form::Sms { max_segments } = form {
                        prop_assert!(sms::segments(&rendered.body).segments <= max_segments);
                    }
                }
                Err(TextError::TooLong { segments, max_segments: most, .. }) => {
                    prop_assert!(form != Form::Thread && segments > most);
                }
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
    }
}
