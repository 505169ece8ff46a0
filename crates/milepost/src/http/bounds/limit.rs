//! The limits that a client can meet, by the names of their settings.

use serde::{Serialize, Serializer};

/// A limit whose refusals are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Requests of an owner.
    OwnerRequests,
    /// Requests from an address.
    AddressRequests,
    /// Submissions of an owner.
    OwnerSubmissions,
    /// Submissions from an address.
    AddressSubmissions,
    /// Wrong credentials from an address.
    FailedLogins,
    /// Connections that watch, of all.
    Connections,
    /// Connections that watch, of an owner.
    OwnerConnections,
    /// Connections that watch, from an address.
    AddressConnections,
    /// Subscriptions of a connection.
    Subscriptions,
    /// Subscriptions of an owner.
    OwnerSubscriptions,
    /// Subscriptions from an address.
    AddressSubscriptions,
    /// Uploads of an owner at a time.
    OwnerUploads,
    /// Messages on a socket.
    SocketMessages,
    /// Jobs of an owner that wait.
    OwnerWaiting,
    /// What is stored for an owner.
    OwnerBytes,
    /// Jobs that wait, of all.
    MaxWaiting,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::OwnerRequests,
        Self::AddressRequests,
        Self::OwnerSubmissions,
        Self::AddressSubmissions,
        Self::FailedLogins,
        Self::Connections,
        Self::OwnerConnections,
        Self::AddressConnections,
        Self::Subscriptions,
        Self::OwnerSubscriptions,
        Self::AddressSubscriptions,
        Self::OwnerUploads,
        Self::SocketMessages,
        Self::OwnerWaiting,
        Self::OwnerBytes,
        Self::MaxWaiting,
    ];

    /// The setting's name, without its table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OwnerRequests => "owner_requests",
            Self::AddressRequests => "address_requests",
            Self::OwnerSubmissions => "owner_submissions",
            Self::AddressSubmissions => "address_submissions",
            Self::FailedLogins => "failed_logins",
            Self::Connections => "connections",
            Self::OwnerConnections => "owner_connections",
            Self::AddressConnections => "address_connections",
            Self::Subscriptions => "subscriptions",
            Self::OwnerSubscriptions => "owner_subscriptions",
            Self::AddressSubscriptions => "address_subscriptions",
            Self::OwnerUploads => "owner_uploads",
            Self::SocketMessages => "socket_messages",
            Self::OwnerWaiting => "owner_waiting",
            Self::OwnerBytes => "owner_bytes",
            Self::MaxWaiting => "max_waiting",
        }
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Limit;
    use crate::config::Config;

    #[test]
    fn a_limit_has_the_name_of_its_setting() {
        let config = toml::Table::try_from(Config::default()).unwrap();
        for limit in Limit::ALL {
            let known = ["limits", "queue"]
                .into_iter()
                .any(|table| config[table].as_table().unwrap().contains_key(limit.as_str()));
            assert!(known, "{limit:?}");
        }
    }
}
