//! Enums whose variants have a name in plans and on the command line.

/// Makes an enum without fields of variants with their names.
macro_rules! named {
    ($(#[doc = $of:literal])+ $enum:ident $($(#[doc = $doc:literal])+ $variant:ident $name:literal,)*) => {
        $(#[doc = $of])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $enum {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl $enum {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Their names, in the same order.
            pub const NAMES: &[&str] = &[$($name),*];

            /// What it is called.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The one of that name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    };
}

pub(crate) use named;
