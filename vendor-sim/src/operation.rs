//! The vendors and the calls that they know.

use http::{Method, Uri};
use serde::{Deserialize, Serialize};

/// A vendor that is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    /// Smoobu, the booking system.
    Smoobu,
    /// The Keys, the cloud of the locks.
    TheKeys,
    /// SerwerSMS, the SMS gateway.
    SerwerSms,
}

impl Vendor {
    /// All vendors.
    pub const ALL: [Self; 3] = [Self::Smoobu, Self::TheKeys, Self::SerwerSms];

    /// The first part of the path under which the loopback server plays this vendor.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Smoobu => "/smoobu",
            Self::TheKeys => "/thekeys",
            Self::SerwerSms => "/serwersms",
        }
    }

    /// The vendor that a request to this address is meant for: by the vendor's own host name, else by the prefix
    /// of the path.
    #[must_use]
    pub fn of(uri: &Uri) -> Option<Self> {
        match uri.host() {
            Some("login.smoobu.com") => return Some(Self::Smoobu),
            Some("api.the-keys.fr") => return Some(Self::TheKeys),
            Some("api2.serwersms.pl") => return Some(Self::SerwerSms),
            _ => {}
        }
        Self::ALL.into_iter().find(|vendor| under(uri.path(), vendor.prefix()).is_some())
    }

    /// The path as the vendor knows it, without the prefix of the loopback server.
    pub(crate) fn own_path(self, path: &str) -> &str {
        under(path, self.prefix()).unwrap_or(path)
    }
}

fn under<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $pattern:literal $kind:ident,)*) => {
        /// What a request asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Operation {
            $($(#[$doc])* $name,)*
        }

        impl Operation {
            /// The path with its variable parts named: what is safe to log.
            #[must_use]
            pub fn pattern(self) -> &'static str {
                match self { $(Self::$name => $pattern,)* }
            }

            /// Whether the vendor's own state may change by it (a login only makes a token, so it counts as a read).
            #[must_use]
            pub fn is_write(self) -> bool {
                match self { $(Self::$name => operations!(@ $kind),)* }
            }
        }
    };
    (@ read) => { false };
    (@ write) => { true };
}

operations! {
    /// Smoobu: the list of bookings.
    ListReservations = "/api/reservations" read,
    /// Smoobu: one booking.
    GetReservation = "/api/reservations/{id}" read,
    /// Smoobu: a new booking by API.
    CreateReservation = "/api/reservations" write,
    /// Smoobu: a booking changed by API.
    UpdateReservation = "/api/reservations/{id}" write,
    /// Smoobu: a booking cancelled by API.
    DeleteReservation = "/api/reservations/{id}" write,
    /// Smoobu: the list of apartments.
    ListApartments = "/api/apartments" read,
    /// Smoobu: one apartment.
    GetApartment = "/api/apartments/{id}" read,
    /// Smoobu: the account.
    Me = "/api/me" read,
    /// Smoobu: a message to the guest.
    SendToGuest = "/api/reservations/{id}/messages/send-message-to-guest" write,
    /// Smoobu: a message or a note to the host.
    SendToHost = "/api/reservations/{id}/messages/send-message-to-host" write,
    /// Smoobu: the thread of a booking.
    ListMessages = "/api/reservations/{id}/messages" read,
    /// Smoobu: the custom placeholders.
    ListPlaceholders = "/api/custom-placeholders" read,
    /// Smoobu: a new custom placeholder.
    CreatePlaceholder = "/api/custom-placeholders" write,
    /// Smoobu: all values that a template of a booking may use.
    ReservationPlaceholders = "/api/reservations/{id}/placeholders" read,
    /// The Keys: name and password for a token.
    Login = "/api/login_check" read,
    /// The Keys: the account with its locks and accessories.
    GetUser = "/fr/api/v2/utilisateur/get/{username}" read,
    /// The Keys: the shares of a lock.
    ListCodes = "/fr/api/v2/partage/all/serrure/{lock}" read,
    /// The Keys: a new keypad code.
    CreateCode = "/fr/api/v2/partage/create/{lock}/accessoire/{id_accessoire}" write,
    /// The Keys: a keypad code changed.
    UpdateCode = "/fr/api/v2/partage/accessoire/update/{code}" write,
    /// The Keys: a keypad code removed.
    DeleteCode = "/fr/api/v2/partage/accessoire/delete/{code}" write,
    /// The Keys: one accessory.
    GetAccessory = "/fr/api/v2/accessoire/get/{id}" read,
    /// The Keys: one lock.
    GetLock = "/fr/api/v2/serrure/get/{lock}" read,
    /// The Keys: the lock is opened from afar.
    RemoteOpen = "/fr/api/v2/serrure/remote_open/{lock}" write,
    /// The Keys: the lock is closed from afar.
    RemoteClose = "/fr/api/v2/serrure/remote_close/{lock}" write,
    /// SerwerSMS: one text to one or more phones.
    SendSms = "/messages/send_sms" write,
    /// SerwerSMS: delivery reports.
    Reports = "/messages/reports" read,
    /// SerwerSMS: what may still be sent.
    Limits = "/account/limits" read,
    /// SerwerSMS: the meaning of an error code.
    ExplainError = "/error/{code}" read,
    /// No call that the vendor knows.
    Unknown = "(unknown)" read,
}

impl Operation {
    /// The operation of a request; the path is the vendor's own.
    #[must_use]
    pub fn classify(vendor: Vendor, method: &Method, path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match vendor {
            Vendor::Smoobu => smoobu(method.as_str(), &parts),
            Vendor::TheKeys => thekeys(method.as_str(), &parts),
            Vendor::SerwerSms => serwersms(method.as_str(), &parts),
        }
    }
}

fn smoobu(method: &str, parts: &[&str]) -> Operation {
    match (method, parts) {
        ("GET", ["api", "reservations"]) => Operation::ListReservations,
        ("POST", ["api", "reservations"]) => Operation::CreateReservation,
        ("GET", ["api", "reservations", _]) => Operation::GetReservation,
        ("PUT", ["api", "reservations", _]) => Operation::UpdateReservation,
        ("DELETE", ["api", "reservations", _]) => Operation::DeleteReservation,
        ("GET", ["api", "apartments"]) => Operation::ListApartments,
        ("GET", ["api", "apartments", _]) => Operation::GetApartment,
        ("GET", ["api", "me"]) => Operation::Me,
        ("GET", ["api", "reservations", _, "messages"]) => Operation::ListMessages,
        ("GET", ["api", "reservations", _, "placeholders"]) => Operation::ReservationPlaceholders,
        ("POST", ["api", "reservations", _, "messages", "send-message-to-guest"]) => Operation::SendToGuest,
        ("POST", ["api", "reservations", _, "messages", "send-message-to-host"]) => Operation::SendToHost,
        ("GET", ["api", "custom-placeholders"]) => Operation::ListPlaceholders,
        ("POST", ["api", "custom-placeholders"]) => Operation::CreatePlaceholder,
        _ => Operation::Unknown,
    }
}

fn thekeys(method: &str, parts: &[&str]) -> Operation {
    let ["fr", "api", "v2", rest @ ..] = parts else {
        return match (method, parts) {
            ("POST", ["api", "login_check"]) => Operation::Login,
            _ => Operation::Unknown,
        };
    };
    match (method, rest) {
        ("GET", ["utilisateur", "get", _]) => Operation::GetUser,
        ("GET", ["partage", "all", "serrure", _]) => Operation::ListCodes,
        ("POST", ["partage", "create", _, "accessoire", _]) => Operation::CreateCode,
        ("POST", ["partage", "accessoire", "update", _]) => Operation::UpdateCode,
        ("POST", ["partage", "accessoire", "delete", _]) => Operation::DeleteCode,
        ("GET", ["accessoire", "get", _]) => Operation::GetAccessory,
        ("GET", ["serrure", "get", _]) => Operation::GetLock,
        ("POST", ["serrure", "remote_open", _]) => Operation::RemoteOpen,
        ("POST", ["serrure", "remote_close", _]) => Operation::RemoteClose,
        _ => Operation::Unknown,
    }
}

fn serwersms(method: &str, parts: &[&str]) -> Operation {
    let (group, action) = match parts {
        [group, action] => (*group, action.strip_suffix(".json").unwrap_or(action)),
        _ => return Operation::Unknown,
    };
    match (method, group, action) {
        ("POST", "messages", "send_sms") => Operation::SendSms,
        ("POST", "messages", "reports") => Operation::Reports,
        ("POST", "account", "limits") => Operation::Limits,
        ("POST" | "GET", "error", _) => Operation::ExplainError,
        _ => Operation::Unknown,
    }
}
