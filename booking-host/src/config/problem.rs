//! What is wrong with a configuration, and what is only unwise.

use std::fmt;

macro_rules! told {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// `Display` is one line; it never holds a secret.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub struct $name {
            /// The line in the file, from 1.
            pub line: usize,
            /// Which key: `tenant.harbour.door.front.lock`. Empty where the file itself is meant.
            pub key: String,
            /// What is the matter.
            pub what: String,
            /// What to do about it.
            pub remedy: String,
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let Self { line, key, what, remedy } = self;
                if key.is_empty() {
                    write!(f, "line {line}: {what} — {remedy}")
                } else {
                    write!(f, "line {line}: {key}: {what} — {remedy}")
                }
            }
        }
    };
}

told! {
    /// Something wrong: a host does not start with it.
    Problem
}
told! {
    /// Something unwise: a host starts, and says so in its log.
    Warning
}
