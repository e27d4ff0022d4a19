//! Enums without fields whose variants have names in plans and on the command line.

/// Makes an enum of variants and their names.
macro_rules! named {
    ($(#[doc = $of:literal])+ $enum:ident $($(#[doc = $doc:literal])+ $variant:ident $name:literal,)*) => {
        $(#[doc = $of])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $enum {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl $enum {
            /// All variants.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The names of all variants, in the same order.
            pub const NAMES: &[&str] = &[$($name),*];

            /// Returns the name of a variant.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Returns the variant of a name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    };
}

pub(crate) use named;
