//! Who somebody is. Enters: credentials. Leaves: an identity, or why there is
//! none. Never: decides what an identity may do.

pub mod verify;
