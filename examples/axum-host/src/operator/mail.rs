//! `mail-pipe`: a mail on standard input, as a mail server hands it over.

use std::io::Read as _;

use booking_host::api::views::MailTaken;
use booking_host::config::ApiScope;
use bytes::Bytes;

use super::args::MailPipeArgs;
use super::desk::{Desk, Got};
use super::fault::{Answer, Exit, Fault};
use super::print;

/// More than the API takes: what is longer is refused there and need not be read to its end.
const LONGEST: u64 = 1024 * 1024;

pub(super) async fn pipe(args: MailPipeArgs) -> Answer<Exit> {
    let mut mail = Vec::new();
    std::io::stdin().lock().take(LONGEST).read_to_end(&mut mail).map_err(|error| later(error.into()))?;
    let desk = Desk::open(&args.common, &[ApiScope::Mail]).await.map_err(later)?;
    let got: Got<MailTaken> = desk.mail(Bytes::from(mail)).await.map_err(later)?;
    if args.common.json {
        print(true, &got.raw, String::new)?;
    }
    Ok(Exit::Complete)
}

/// What may pass is tried again by the mail server; what never will goes back to the sender.
fn later(fault: Fault) -> Fault {
    let exit = if fault.passes { Exit::Later } else { Exit::Error };
    Fault { exit, ..fault }
}
