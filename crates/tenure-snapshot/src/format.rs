//! The vocabulary of the format as Node 20 writes it: names of node types, edge types and fields.
//!
//! The reader takes all of these from the file's own `meta`; only the writer of synthetic snapshots relies on this
//! table, so a newer V8 with other types or columns loads all the same.

/// The columns of a node in a file of Node 20.
pub(crate) const NODE_FIELDS: [&str; 7] = [
    "type",
    "name",
    "id",
    "self_size",
    "edge_count",
    "trace_node_id",
    "detachedness",
];
/// The columns of an edge; the same in every V8 so far.
pub(crate) const EDGE_FIELDS: [&str; 3] = ["type", "name_or_index", "to_node"];

macro_rules! named_types {
    ($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every type, in the order of its index in a file of Node 20.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The name that V8 gives to the type.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }
    };
}

named_types! {
    /// What a node is, as Node 20 classifies it.
    NodeType {
        /// Internal to V8, of no interest to users.
        Hidden = "hidden",
        /// An internal array: backing store, table.
        Array = "array",
        /// A string with its own characters.
        String = "string",
        /// An ordinary object; its name is that of its constructor.
        Object = "object",
        /// Compiled code and its metadata.
        Code = "code",
        /// A function.
        Closure = "closure",
        /// A regular expression.
        RegExp = "regexp",
        /// A number that has a box of its own.
        Number = "number",
        /// Memory outside of the JavaScript heap.
        Native = "native",
        /// Not an object: groups roots.
        Synthetic = "synthetic",
        /// A string made of two others.
        ConcatenatedString = "concatenated string",
        /// A string that is a part of another.
        SlicedString = "sliced string",
        /// A symbol.
        Symbol = "symbol",
        /// A big integer.
        BigInt = "bigint",
        /// A hidden class.
        ObjectShape = "object shape",
        /// An object of WebAssembly.
        WasmObject = "wasm object",
    }
}

named_types! {
    /// What a reference is, as V8 classifies it.
    EdgeType {
        /// A variable of a function's context.
        Context = "context",
        /// An element of an array; labeled by its index.
        Element = "element",
        /// A named property.
        Property = "property",
        /// A reference that JavaScript cannot see.
        Internal = "internal",
        /// A reference that V8 labels by a number only.
        Hidden = "hidden",
        /// A short way from the root to something that users know.
        Shortcut = "shortcut",
        /// A reference that does not keep its target alive.
        Weak = "weak",
    }
}

/// Whether edges of the type called `name` are labeled by a plain number and not by a string.
pub(crate) fn labeled_by_index(name: &str) -> bool {
    name == EdgeType::Element.name() || name == EdgeType::Hidden.name()
}

/// Whether a node of the document tree is still attached to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Detachedness {
    /// Not told, not a node of a document, or a value that this crate does not know.
    #[default]
    Unknown,
    /// In the document.
    Attached,
    /// Taken out of the document, yet reachable.
    Detached,
}

impl Detachedness {
    pub(crate) fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Attached,
            2 => Self::Detached,
            _ => Self::Unknown,
        }
    }

    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Unknown => 0,
            Self::Attached => 1,
            Self::Detached => 2,
        }
    }
}
