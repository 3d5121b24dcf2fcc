//! A notifier that writes files.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use booking_core::{
    Call, Channel, Fault, MessageId, MessageLimits, Notifier, NotifyError, Outcome, OutgoingMessage,
    PhoneNumber, Receipt, Recipient, Retry, Sent, VendorError,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::record::obey;

/// A [`Notifier`] that writes what would have been sent into a folder, one JSON file per message, named by the
/// message's id: for trials beside a real host. Nobody is told anything.
///
/// **The files hold PINs, names and phone numbers.** On Unix the folder is made for its owner only (`0700`) and so is
/// every file (`0600`); a folder that was there before keeps its permissions. Nothing is ever deleted here: whoever
/// switches this on sees to that.
///
/// A file appears whole or not at all. Writing is done on the calling thread.
///
/// ```
/// use booking_core::conformance::block_on;
/// use booking_core::{Call, MessageId, Notifier as _, OutgoingMessage, Recipient};
/// use booking_notify::FileNotifier;
///
/// let folder = tempfile::tempdir()?;
/// let files = FileNotifier::new(folder.path().join("outbox"))?;
/// let now = chrono::DateTime::UNIX_EPOCH;
/// let message = OutgoingMessage {
///     id: MessageId::parse("abcdefghijk2")?,
///     recipient: Recipient::Channel,
///     subject: "Arrival".to_owned(),
///     body: "Studio A is ready".to_owned(),
///     language: "en".to_owned(),
///     first_tried: now,
///     last_tried: now,
/// };
/// block_on(files.send(Call::until(now), &message))?;
/// let written = std::fs::read_to_string(folder.path().join("outbox/abcdefghijk2.json"))?;
/// assert!(written.contains("Studio A is ready"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FileNotifier {
    folder: PathBuf,
    channel: Channel,
    limits: MessageLimits,
}

/// What a file holds.
#[derive(Serialize)]
struct Written<'a> {
    id: &'a MessageId,
    channel: Channel,
    to: To<'a>,
    subject: &'a str,
    body: &'a str,
    language: &'a str,
    first_tried: DateTime<Utc>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum To<'a> {
    Phone(&'a PhoneNumber),
    Thread(&'a str),
    Channel,
    Other,
}

impl FileNotifier {
    /// A notifier that plays [`Channel::Record`] and writes into `folder`, which it makes where it is missing.
    ///
    /// # Errors
    ///
    /// [`Fault::Configuration`] when the folder is not there and cannot be made.
    pub fn new(folder: impl Into<PathBuf>) -> Result<Self, VendorError> {
        let folder = folder.into();
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).map_err(|error| failed("the folder cannot be made", error))?;
        Ok(Self { folder, channel: Channel::Record, limits: MessageLimits::NONE })
    }

    /// The same, playing another channel.
    #[must_use]
    pub fn with_channel(mut self, channel: Channel) -> Self {
        self.channel = channel;
        self
    }

    /// The same with limits, which it obeys.
    #[must_use]
    pub fn with_limits(mut self, limits: MessageLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of a message, whether it is there or not. An id is letters and digits, so it leads nowhere else.
    #[must_use]
    pub fn file_of(&self, id: &MessageId) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    fn write(&self, message: &OutgoingMessage) -> io::Result<()> {
        let written = Written {
            id: &message.id,
            channel: self.channel,
            to: match &message.recipient {
                Recipient::Phone(number) => To::Phone(number),
                Recipient::Thread(reference) => To::Thread(reference.as_str()),
                Recipient::Channel => To::Channel,
                _ => To::Other,
            },
            subject: &message.subject,
            body: &message.body,
            language: &message.language,
            first_tried: message.first_tried,
        };
        let mut line = serde_json::to_vec(&written)?;
        line.push(b'\n');
        let part = self.folder.join(format!(".{}.part", message.id));
        // What a crash left behind may have other permissions, so it is not written over.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let result = fill(&part, &line).and_then(|()| fs::rename(&part, self.file_of(&message.id)));
        if result.is_err() {
            // It would hold a PIN for nothing; that it cannot be removed is told by the next attempt.
            let _ = fs::remove_file(&part);
        }
        result
    }
}

fn fill(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(path)?;
    file.write_all(line)?;
    file.sync_all()
}

/// The error of the operating system names no path.
fn failed(what: &'static str, error: io::Error) -> VendorError {
    VendorError::new(Fault::Configuration, Retry::Backoff, Outcome::NotApplied, what).with_source(error)
}

impl fmt::Debug for FileNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileNotifier").field("channel", &self.channel).finish_non_exhaustive()
    }
}

#[async_trait]
impl Notifier for FileNotifier {
    fn channel(&self) -> Channel {
        self.channel
    }

    fn limits(&self) -> MessageLimits {
        self.limits
    }

    async fn send(&self, _call: Call, message: &OutgoingMessage) -> Result<Receipt, NotifyError> {
        obey(&self.limits, &message.body)?;
        self.write(message).map_err(|error| failed("the file cannot be written", error))?;
        Ok(Receipt { vendor_id: Some(message.id.to_string()) })
    }

    async fn find(&self, call: Call, message: &OutgoingMessage) -> Result<Sent, VendorError> {
        let there = self.file_of(&message.id).try_exists();
        if there.map_err(|error| failed("the folder cannot be read", error))? {
            return Ok(Sent::Yes(Receipt { vendor_id: Some(message.id.to_string()) }));
        }
        // A folder that went away shows no file either.
        self.check(call).await.map(|()| Sent::No)
    }

    async fn check(&self, _call: Call) -> Result<(), VendorError> {
        let found = fs::metadata(&self.folder).map_err(|error| failed("the folder cannot be read", error))?;
        if found.is_dir() { Ok(()) } else { Err(VendorError::configuration("the folder is none")) }
    }
}
