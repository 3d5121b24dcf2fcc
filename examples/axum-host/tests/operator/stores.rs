//! A whole store, in the hands of an operator.

use booking_sim::thekeys::Share;
use booking_test_servers::postgres::Server;

use super::world::{How, LOFT, PHONE, STUDIO, World};

fn digits(codes: &[Share]) -> Vec<&str> {
    codes.iter().map(|code| code.code.as_str()).collect()
}

#[test]
fn a_store_is_moved_and_the_next_host_has_nothing_to_do() {
    let mut world = World::new(How::Served);
    world.book(STUDIO, 3, PHONE);
    world.sync();
    let (codes, told) = (world.codes(STUDIO), world.sms(PHONE));
    assert_eq!((codes.len(), told), (1, 1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let url = runtime.block_on(Server::shared().database());
    let moves = ["move-store", "--to", &url];
    world.run(&moves).is(5, &["a host works on it", "stop the host"]);
    world.stop();
    world.run(&["move-store"]).is(5, &["into a PostgreSQL database", "--to"]);
    world.run(&["move-store", "--from", "memory:", "--to", &url]).is(5, &["from an SQLite file", "--from"]);
    let moved = world.run(&moves);
    moved.is(0, &["reading: ", "copying: ", "comparing: ", "Checksum", "rows are moved, and were compared."]);
    moved.lacks(&["Ada", "Example", PHONE, "planted"]);
    let again = world.run(&[&moves[..], &["--json"]].concat());
    again.is(0, &["\"before\": true"]);

    let file = world.path("staykey.db");
    world.configure(&format!("sqlite://{file}"), &url);
    world.run(&["move-store", "--from", &format!("sqlite://{file}")]).is(0, &["were moved before"]);
    world.run(&["sync", "--dry-run"]).is(0, &["1 stay looked at, something to do for 0"]);
    world.serve();
    world.book(LOFT, 4, "+48600000002");
    world.sync();
    world.stop();
    assert_eq!(digits(&world.codes(STUDIO)), digits(&codes), "the guest in the book keeps the code");
    assert_eq!((world.codes(LOFT).len(), world.sms(PHONE)), (1, told), "and is told nothing twice");
    // Somebody starts a host on the old file by mistake, and it writes: the move does not say that all is well.
    world.configure(&url, &format!("sqlite://{file}"));
    world.run(&["sync", "--yes"]);
    world.run(&moves).is(5, &["has worked on the file since"]);
}

#[test]
fn what_happened_after_the_backup_is_found_on_the_doors() {
    const LATE: &str = "+48600000002";
    let mut world = World::new(How::Served);
    world.book(STUDIO, 3, PHONE);
    world.sync();
    let copy = world.path("copy.db");
    world.run(&["backup", &copy]).is(0, &["whole", "The last thing that it knows of"]).lacks(&["planted"]);
    world.run(&["backup", &copy]).is(5, &["there already is a file"]);
    // The backup does not know of this guest, who has a code and was told.
    world.book(LOFT, 4, LATE);
    world.sync();
    let (early, late) = (world.codes(STUDIO), world.codes(LOFT));
    assert_eq!((early.len(), late.len(), world.sms(PHONE), world.sms(LATE)), (1, 1, 1, 1));

    world.run(&["restore", &copy, "--replace"]).is(5, &["in use", "stop the host"]);
    world.stop();
    world.run(&["restore", &copy]).is(5, &["there already is a store", "--replace"]);
    world.run(&["restore", &copy, "--replace"]).is(0, &["is the store now", "is kept as", "--dry-run"]);
    let planned = world.run(&["sync", "--dry-run"]);
    planned.is(0, &["something to do for 1", "adopt"]).lacks(&["create", "delete"]);
    world.sync();
    assert_eq!(digits(&world.codes(LOFT)), digits(&late), "the code is taken over with its digits");
    assert_eq!(digits(&world.codes(STUDIO)), digits(&early));
    // Whoever put a marked code on a door is taken to have told it.
    assert_eq!((world.sms(PHONE), world.sms(LATE)), (1, 1));
    world.serve();
    world.run(&["sync", "--dry-run"]).is(0, &["something to do for 0"]);
    assert_eq!((world.sms(PHONE), world.sms(LATE)), (1, 1));
}

#[test]
fn digits_that_changed_after_the_backup_stay_with_their_guest() {
    let mut world = World::new(How::Served);
    let booking = world.book(STUDIO, 3, PHONE);
    world.sync();
    let (copy, old) = (world.path("copy.db"), world.codes(STUDIO));
    world.run(&["backup", &copy]).is(0, &[]);
    world.run(&["reissue", &booking.to_string(), "--yes"]).is(0, &[]);
    let new = world.codes(STUDIO);
    assert_eq!((new.len(), world.sms(PHONE)), (1, 2));
    assert_ne!(digits(&new), digits(&old));
    world.stop();
    world.run(&["restore", &copy, "--replace"]).is(0, &[]);
    let planned = world.run(&["sync", "--dry-run"]);
    planned.is(0, &["something to do for 1", "adopt", "its digits are kept"]).lacks(&["surplus", "create"]);
    world.sync();
    world.configure("mode = \"observe\"", "mode = \"full\"");
    world.serve();
    world.until("a host with nothing to do", |world| {
        world.run(&["sync", "--dry-run"]).text.contains("something to do for 0")
    });
    assert_eq!(digits(&world.codes(STUDIO)), digits(&new), "what the guest was told last opens the door");
    assert_eq!(world.sms(PHONE), 2, "and nothing else is told");
}
