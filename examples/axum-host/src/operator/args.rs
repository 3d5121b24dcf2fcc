//! What each command takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What every command ends with.
const EXIT: &str = "Exit status: 0 complete, 1 error, 2 wrong arguments, 4 partial: something was refused, could not \
                    be read or is failing, 5 refused as a whole: nothing was done.";
const MAIL_EXIT: &str = "Exit status: 0 the mail is stored, 1 it is no mail or too long and never will be, 2 wrong \
                         arguments, 75 it could not be stored now: a mail server keeps it and tries again.";

/// What an operator does with a host: each command asks the operator's API, of the host that runs, or in this process
/// where none does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compares what should be with what is, shows what would be done, and does it.
    ///
    /// With --dry-run sources are asked and doors are read, nothing is written to any vendor and nobody is told. The
    /// plan is kept for an hour and can be applied by its id.
    #[command(after_help = EXIT)]
    Sync(SyncArgs),
    /// Applies a plan: exactly what was shown, or nothing of a stay that has moved on since.
    ///
    /// A host that runs does the work; without one it is done here, for the plan's stays alone. Interrupted, it goes on
    /// when it is run again, and no guest is told twice.
    #[command(after_help = EXIT)]
    Apply(ApplyArgs),
    /// Tells why a stay, or a door, is as it is, and what comes next. No vendor is called.
    #[command(after_help = EXIT)]
    Explain(ExplainArgs),
    /// Shows what is on a door: ours, foreign, over, twice; and what should be there and is not.
    #[command(after_help = EXIT)]
    Codes(CodesArgs),
    /// Makes an unmarked code a stay's own. It keeps its digits.
    #[command(after_help = EXIT)]
    Link(LinkArgs),
    /// Gives a stay other digits: the new code is proven and told before the old one goes.
    #[command(after_help = EXIT)]
    Reissue(ReissueArgs),
    /// Shows how accounts, doors and work do, and what somebody must see to.
    #[command(after_help = EXIT)]
    Health(HealthArgs),
    /// Shows what was done, or what arrived, newest first.
    #[command(after_help = EXIT)]
    Log(LogArgs),
    /// Forgets a stay and its guest, once nothing of it is on any door.
    #[command(after_help = EXIT)]
    Erase(EraseArgs),
    /// Shows the brakes on early removals, or lifts one.
    #[command(after_help = EXIT)]
    Brake(BrakeArgs),
    /// Vouches for a source: for a day, or longer where it is read seldom, its reads count as they are.
    #[command(after_help = EXIT)]
    Trust(TrustArgs),
    /// Takes a mail on standard input, as a mail server hands it over.
    #[command(after_help = MAIL_EXIT)]
    MailPipe(MailPipeArgs),
    /// Moves the store from an SQLite file into an empty PostgreSQL database. No host may run meanwhile.
    ///
    /// Every row is carried, read again in the database, opened and compared. Interrupted, it goes on when it is run
    /// again; no host starts on the database before all is there. The file stays as it is.
    #[command(after_help = EXIT)]
    MoveStore(MoveStoreArgs),
    /// Copies the SQLite file, also while a host works on it.
    ///
    /// The copy is one file, whole and read through, or none; its owner alone may read it. What is sealed stays sealed:
    /// it is worth nothing without the master key, which is not in it.
    #[command(after_help = EXIT)]
    Backup(BackupArgs),
    /// Puts a copy in the place of the SQLite file. No host may run meanwhile.
    ///
    /// The copy is checked first, and stays as it is. What happened after it was made is not in it: the host finds out
    /// from sources and doors what it can.
    #[command(after_help = EXIT)]
    Restore(RestoreArgs),
}

/// What commands on a whole store take.
#[derive(Args, Clone, Debug)]
pub(crate) struct Configured {
    /// The host's configuration: its store and the keys.
    #[arg(long, value_name = "FILE", env = "STAYKEY_CONFIG", default_value = DEFAULT_CONFIG)]
    pub(super) config: PathBuf,
    /// Prints JSON, for programs.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct MoveStoreArgs {
    /// The SQLite file, as sqlite://FILE; the configured store without it.
    #[arg(long, value_name = "URL")]
    pub(super) from: Option<String>,
    /// The database, as postgres://USER@HOST/NAME; the configured store without it.
    #[arg(long, value_name = "URL")]
    pub(super) to: Option<String>,
    /// The environment variable that holds the password for --to, if it needs one.
    #[arg(long, value_name = "NAME", default_value = "STAYKEY_DATABASE_PASSWORD")]
    pub(super) password_env: String,
    #[command(flatten)]
    pub(super) configured: Configured,
}

#[derive(Args, Debug)]
pub(crate) struct BackupArgs {
    /// The copy, which must not be there yet.
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) configured: Configured,
}

#[derive(Args, Debug)]
pub(crate) struct RestoreArgs {
    /// The copy.
    pub(super) file: PathBuf,
    /// Where there is a store, keeps it beside, with the time after its name.
    #[arg(long)]
    pub(super) replace: bool,
    #[command(flatten)]
    pub(super) configured: Configured,
}

/// Where the host is, and who asks.
#[derive(Args, Clone, Debug)]
pub(crate) struct Common {
    /// The host's configuration: where it listens, its tokens, and all else where no host runs.
    #[arg(long, value_name = "FILE", env = "STAYKEY_CONFIG", default_value = DEFAULT_CONFIG, global = true)]
    pub(super) config: PathBuf,
    /// The tenant; may be left out where there is only one.
    #[arg(long, value_name = "SLUG", global = true)]
    pub(super) tenant: Option<String>,
    /// Prints JSON, for programs.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Asks the host at this address instead of the configured one.
    #[arg(long, value_name = "URL", global = true)]
    pub(super) host: Option<String>,
    /// The environment variable that holds the token. Without one, the first token of the configuration that may do
    /// this is taken.
    #[arg(long, value_name = "NAME", default_value = super::reach::TOKEN, global = true)]
    pub(super) token_env: String,
}

pub(super) const DEFAULT_CONFIG: &str = "staykey.toml";

/// Which stays; all of the tenant without any.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub(crate) struct ScopeArgs {
    /// Only stays of this source.
    #[arg(long, value_name = "NAME")]
    pub(super) source: Option<String>,
    /// Only stays in this unit, or that were in it.
    #[arg(long, value_name = "ID")]
    pub(super) unit: Option<String>,
    /// Only this stay: our id, its source's reference, or SOURCE:REFERENCE.
    #[arg(long)]
    pub(super) booking: Option<String>,
}

/// How long a plan is followed.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Ends with 4 when nothing has moved for so long. Running `apply` again goes on.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub(super) patience: u64,
}

#[derive(Args, Debug)]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(super) scope: ScopeArgs,
    /// Only shows what would be done.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Shows digits instead of bullets.
    #[arg(long)]
    pub(super) show_pins: bool,
    /// Applies it without asking.
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) patience: Patience,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct ApplyArgs {
    /// The plan's id, as `sync --dry-run` shows it.
    pub(super) plan: String,
    /// Stays until every part of it is applied or refused. Where no host runs that is always so.
    #[arg(long)]
    pub(super) follow: bool,
    #[command(flatten)]
    pub(super) patience: Patience,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// The stay: our id, its source's reference, or SOURCE:REFERENCE.
    #[arg(required_unless_present = "door")]
    pub(super) booking: Option<String>,
    /// A door instead of a stay.
    #[arg(long, conflicts_with = "booking")]
    pub(super) door: Option<String>,
    /// Shows digits instead of bullets.
    #[arg(long)]
    pub(super) show_pins: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct CodesArgs {
    /// The door's id.
    pub(super) door: String,
    /// Reads the door now instead of telling what the last read showed.
    #[arg(long)]
    pub(super) fresh: bool,
    /// Shows digits instead of bullets, and names and notes, which may be a guest's.
    #[arg(long)]
    pub(super) show_pins: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct LinkArgs {
    /// The door's id.
    pub(super) door: String,
    /// The vendor's id of the code, as `codes` shows it.
    pub(super) code: String,
    /// The stay: our id, its source's reference, or SOURCE:REFERENCE.
    pub(super) booking: String,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct ReissueArgs {
    /// The stay: our id, its source's reference, or SOURCE:REFERENCE.
    pub(super) booking: String,
    /// Only shows what it would take.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Shows digits instead of bullets.
    #[arg(long)]
    pub(super) show_pins: bool,
    /// Does it without asking.
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) patience: Patience,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct HealthArgs {
    /// Calls every account now.
    #[arg(long)]
    pub(super) check: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct LogArgs {
    /// What was done and seen; the default.
    #[arg(long, group = "kind")]
    pub(super) history: bool,
    /// What arrived: webhooks, and what full reads and reads of doors found.
    #[arg(long, group = "kind")]
    pub(super) webhooks: bool,
    /// Mails that were handed over.
    #[arg(long, group = "kind")]
    pub(super) mail: bool,
    /// Nothing older: so long ago (90m, 12h, 7d), or a local time (2026-11-24, "2026-11-24 18:00").
    #[arg(long, value_name = "WHEN")]
    pub(super) since: Option<String>,
    /// Nothing newer; written like --since.
    #[arg(long, value_name = "WHEN")]
    pub(super) until: Option<String>,
    /// Only from this account; with --webhooks or --mail.
    #[arg(long, value_name = "NAME")]
    pub(super) from: Option<String>,
    /// Only of this stay: our id, its source's reference, or SOURCE:REFERENCE.
    #[arg(long)]
    pub(super) booking: Option<String>,
    /// Only entries with this word in the column What.
    #[arg(long, value_name = "WORD")]
    pub(super) what: Option<String>,
    /// How many entries, 500 at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    pub(super) limit: usize,
    /// Goes on before this entry: the number that ends the page before.
    #[arg(long, value_name = "ENTRY")]
    pub(super) before: Option<u64>,
    /// Shows senders and subjects of mails.
    #[arg(long)]
    pub(super) show_pins: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct EraseArgs {
    /// The stay: our id, its source's reference, or SOURCE:REFERENCE.
    pub(super) booking: String,
    /// Must be given: what is forgotten does not come back.
    #[arg(long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct BrakeArgs {
    #[command(subcommand)]
    pub(super) action: Option<BrakeAction>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BrakeAction {
    /// Lifts a brake: what waited goes on.
    #[command(after_help = EXIT)]
    Release {
        /// source/NAME or door/ID, as `brake` shows it.
        budget: String,
        /// For how long, 48 at most.
        #[arg(long, default_value_t = 1)]
        hours: u32,
    },
}

#[derive(Args, Debug)]
pub(crate) struct TrustArgs {
    /// The source's name in the configuration.
    pub(super) source: String,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct MailPipeArgs {
    #[command(flatten)]
    pub(super) common: Common,
}
