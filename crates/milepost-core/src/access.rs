//! Who may do what: the one policy, for every transport and dialect. Enters: what a
//! caller may, and whose a thing is. Leaves: yes, or how to refuse. Never: finds out
//! who somebody is.

use serde::{Deserialize, Serialize};

use crate::id::{JobId, OwnerId};

/// Something that a caller may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Make jobs and documents, confirm, retry and share one's own.
    Submit,
    /// Read and watch one's own.
    Read,
    /// Cancel and delete one's own.
    Cancel,
    /// Report work on one's own external jobs.
    Work,
    /// Read and watch everybody's.
    ReadAll,
    /// Everything, to everybody's; make and revoke API keys.
    Admin,
}

impl Scope {
    /// Every scope, in order.
    pub const ALL: [Self; 6] =
        [Self::Submit, Self::Read, Self::Cancel, Self::Work, Self::ReadAll, Self::Admin];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Read => "read",
            Self::Cancel => "cancel",
            Self::Work => "work",
            Self::ReadAll => "read_all",
            Self::Admin => "admin",
        }
    }

    /// The one of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// What whoever is known may do with their own.
    pub const OWN: Self =
        Self::NONE.with(Scope::Submit).with(Scope::Read).with(Scope::Cancel).with(Scope::Work);
    /// None of them.
    pub const NONE: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | 1 << scope as u8)
    }

    /// Whether it is among them.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// All of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::NONE, Self::with)
    }
}

/// Why something is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It is not theirs to see: to them it does not exist.
    Hidden,
    /// They see it, and may not do that.
    Forbidden,
}

/// Who asks, as far as it matters for what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose jobs they make, and whose are their own.
    pub owner: OwnerId,
    scopes: Scopes,
    /// All that they may do is to read this job.
    only: Option<JobId>,
}

impl Caller {
    /// The single user of a server without authentication, who may do everything.
    pub fn local() -> Self {
        Self::new(OwnerId::local(), Scopes::OWN.with(Scope::Admin))
    }

    /// An owner with these scopes.
    pub const fn new(owner: OwnerId, scopes: Scopes) -> Self {
        Self { owner, scopes, only: None }
    }

    /// Whoever holds a token that reads one job of `owner`.
    pub const fn reader_of(owner: OwnerId, job: JobId) -> Self {
        Self { owner, scopes: Scopes::NONE, only: Some(job) }
    }

    /// The same owner, who may do everything with what is theirs: for what they are
    /// told of what they have just made, even where they may read nothing.
    #[must_use]
    pub fn as_owner(&self) -> Self {
        Self::new(self.owner.clone(), Scopes::OWN)
    }

    /// What they may do with their own, and with everybody's.
    pub const fn scopes(&self) -> Scopes {
        self.scopes
    }

    /// The one job that they may read, where that is all.
    pub const fn only(&self) -> Option<JobId> {
        self.only
    }

    /// Whether they may do something that is about no one thing: make a job, list
    /// their own.
    pub const fn may(&self, scope: Scope) -> bool {
        let reads_all = matches!(scope, Scope::Read) && self.scopes.has(Scope::ReadAll);
        let may = reads_all || self.scopes.has(scope) || self.scopes.has(Scope::Admin);
        self.only.is_none() && may
    }

    /// Whether they read everybody's.
    pub const fn reads_all(&self) -> bool {
        self.may(Scope::ReadAll)
    }

    /// Whether they may read whatever `other` may, of one owner.
    pub const fn reads_as_much_as(&self, other: &Self) -> bool {
        (self.reads_all() || !other.reads_all())
            && (self.may(Scope::Read) || !other.may(Scope::Read))
    }

    /// Whether they may do `scope` with a thing of `owner`, or with that job of
    /// `owner`.
    ///
    /// # Errors
    /// How to refuse.
    pub fn check(&self, scope: Scope, owner: &OwnerId, job: Option<JobId>) -> Result<(), Denied> {
        if let Some(only) = self.only {
            return match scope {
                _ if job != Some(only) => Err(Denied::Hidden),
                Scope::Read => Ok(()),
                _ => Err(Denied::Forbidden),
            };
        }
        let own = self.owner == *owner;
        if !own && !self.reads_all() {
            return Err(Denied::Hidden);
        }
        let allowed = match scope {
            _ if self.scopes.has(Scope::Admin) => true,
            Scope::Read => self.scopes.has(Scope::ReadAll) || own && self.scopes.has(Scope::Read),
            _ => own && self.scopes.has(scope),
        };
        if allowed { Ok(()) } else { Err(Denied::Forbidden) }
    }

    /// Whether they may read it; see [`Caller::check`].
    pub fn reads(&self, owner: &OwnerId, job: Option<JobId>) -> bool {
        self.check(Scope::Read, owner, job).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn who_may_do_what() {
        use Denied::{Forbidden, Hidden};
        let (ann, ben) = (OwnerId::new("ann"), OwnerId::new("ben"));
        let (this, other) = (JobId::new(Uuid::from_u128(1)), JobId::new(Uuid::from_u128(2)));
        let with = |scopes: &[Scope]| Caller::new(ann.clone(), scopes.iter().copied().collect());
        let owner = Caller::new(ann.clone(), Scopes::OWN);
        let reader = with(&[Scope::Read, Scope::ReadAll]);
        let admin = with(&[Scope::Admin]);
        let token = Caller::reader_of(ann.clone(), this);
        let writer = with(&[Scope::Submit]);
        let canceller = with(&[Scope::Cancel]);
        for (caller, scope, whose, job, expected) in [
            (&owner, Scope::Read, &ann, this, Ok(())),
            (&owner, Scope::Cancel, &ann, this, Ok(())),
            (&owner, Scope::Read, &ben, this, Err(Hidden)),
            (&owner, Scope::Cancel, &ben, this, Err(Hidden)),
            (&reader, Scope::Read, &ben, this, Ok(())),
            (&reader, Scope::Cancel, &ben, this, Err(Forbidden)),
            (&reader, Scope::Cancel, &ann, this, Err(Forbidden)),
            (&admin, Scope::Cancel, &ben, this, Ok(())),
            (&admin, Scope::Work, &ben, this, Ok(())),
            (&token, Scope::Read, &ann, this, Ok(())),
            (&token, Scope::Read, &ann, other, Err(Hidden)),
            (&token, Scope::Cancel, &ann, this, Err(Forbidden)),
            (&token, Scope::Submit, &ann, other, Err(Hidden)),
            (&writer, Scope::Read, &ann, this, Err(Forbidden)),
            (&writer, Scope::Read, &ben, this, Err(Hidden)),
            (&canceller, Scope::Cancel, &ann, this, Ok(())),
            (&canceller, Scope::Cancel, &ben, this, Err(Hidden)),
        ] {
            assert_eq!(caller.check(scope, whose, Some(job)), expected, "{caller:?} {scope:?}");
        }
        // A document or a batch is no job.
        assert_eq!(token.check(Scope::Read, &ann, None), Err(Hidden));
        for scope in Scope::ALL {
            assert!(!token.may(scope));
            assert!(admin.may(scope));
            assert_eq!(Scope::named(scope.as_str()), Some(scope));
        }
        assert!(owner.may(Scope::Submit) && !owner.may(Scope::Admin) && !owner.reads_all());
        assert!(!reader.may(Scope::Submit));
    }
}
