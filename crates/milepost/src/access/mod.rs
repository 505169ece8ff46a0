//! Who somebody is. Enters: what a client presents: an API key, a token, a cookie.
//! Leaves: who that is and until when, or why not. Never: says what they may do with
//! a thing (`milepost_core::Caller` does), or shows or logs what was presented.

mod job_token;
mod keys;
mod session;
pub mod verify;

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use milepost_core::{Caller, JobId, Scope, Scopes, Timestamp};
use tokio::time::Instant;
use uuid::Uuid;

pub use job_token::{Granted, Purpose};
pub use keys::{Keys, MAX_NAME_BYTES, MAX_OWNER_BYTES, MadeKey, NewKey};
pub use session::SignedIn;

use crate::clock::Clock;
use crate::config::{Config, ConfigError, Mode};
use crate::store::{Store, StoreError};
use job_token::Signer;
use session::Sessions;
use verify::{Identity, Verifier};

/// The longest that anything in a URL but a token of a job may last.
const MAX_URL_SECS: u64 = 3600;
/// No timer runs longer: a year.
const MAX_TIMER_SECS: u64 = 365 * 24 * 3600;
/// A secret as short as this can be found by trying.
const SHORT_SECRET_BYTES: usize = 32;

/// By what somebody was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// By nothing: there is no authentication.
    Local,
    /// By this API key.
    Key(Uuid),
    /// By a signed token of the operator's identity provider.
    Token,
    /// By the session cookie of another web application.
    Cookie,
    /// By having signed in here.
    Session {
        /// The session.
        id: Uuid,
        /// The API key that it stands for, if one.
        key: Option<Uuid>,
    },
    /// By a token that reads one job.
    Job {
        /// That job.
        job: JobId,
        /// Its epoch when the token was made.
        epoch: u64,
        /// What it was given out for.
        purpose: Purpose,
    },
}

impl Credential {
    /// The API key behind it.
    pub const fn key(&self) -> Option<Uuid> {
        match self {
            Self::Key(id) => Some(*id),
            Self::Session { key, .. } => *key,
            _ => None,
        }
    }

    /// The session, where somebody has signed in.
    pub const fn session(&self) -> Option<Uuid> {
        match self {
            Self::Session { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// Whether a browser sends it unasked.
    pub const fn is_cookie(&self) -> bool {
        matches!(self, Self::Cookie | Self::Session { .. })
    }

    /// Its word in the audit log.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Key(_) => "api_key",
            Self::Token => "token",
            Self::Cookie => "cookie",
            Self::Session { .. } => "session",
            Self::Job { .. } => "job_token",
        }
    }
}

/// Somebody who is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// What they may do.
    pub caller: Caller,
    /// By what they were known.
    pub credential: Credential,
    /// From when on they are not, without a new credential.
    pub expires_at: Option<Timestamp>,
}

impl Principal {
    /// Whether their token is void once that job has reached that epoch.
    pub fn revoked_by(&self, job: JobId, epoch: u64) -> bool {
        match &self.credential {
            Credential::Job { job: own, epoch: made, .. } => *own == job && *made < epoch,
            _ => false,
        }
    }
}

/// Why somebody is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// What they presented does not hold, for this reason.
    Unauthenticated(String),
    /// It does not belong into a URL.
    InUrl,
    /// What it is checked with is out of reach.
    Unavailable,
}

impl Refused {
    fn because(reason: &str) -> Self {
        Self::Unauthenticated(reason.to_owned())
    }
}

/// Whether a reason says that a credential was good once, and its time is over. Clients
/// of some protocols get themselves another one then.
pub fn is_expiry(reason: &str) -> bool {
    reason.contains("has expired")
}

impl From<verify::Refused> for Refused {
    fn from(refused: verify::Refused) -> Self {
        match refused {
            verify::Refused::Unauthenticated(reason) => Self::Unauthenticated(reason.to_string()),
            verify::Refused::Unavailable => Self::Unavailable,
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a credential could not be checked");
        Self::Unavailable
    }
}

/// Knows people; cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    modes: Vec<Mode>,
    clock: Clock,
    store: Store,
    keys: Keys,
    sessions: Sessions,
    signer: Signer,
    verifier: Verifier,
}

/// Why nobody can be known.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The key that signs tokens can neither be read nor kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Access {
    /// As `config` says.
    ///
    /// # Errors
    /// Where the key that signs tokens can neither be read nor kept, or a setting
    /// cannot be used.
    pub async fn start(config: &Config, store: Store, clock: Clock) -> Result<Self, StartError> {
        let verifier = Verifier::new(&config.jwt, &config.cookie, clock.clone())?;
        if config.auth.has(Mode::Jwt) || config.auth.has(Mode::Cookie) {
            verifier.start();
        }
        let nextauth = config.cookie.nextauth_secret.reveal().len();
        if (1..SHORT_SECRET_BYTES).contains(&nextauth) {
            tracing::warn!("cookie.nextauth_secret is short and could be guessed");
        }
        let signer = Signer::start(&config.tokens, &store, &clock).await?;
        let keys = Keys::new(store.clone(), clock.clone());
        let sessions = Sessions::new(store.clone(), clock.clone());
        let modes = config.auth.modes().to_vec();
        Ok(Self(Arc::new(Inner { modes, clock, store, keys, sessions, signer, verifier })))
    }

    /// Whether there is no authentication.
    pub fn is_off(&self) -> bool {
        self.0.modes.is_empty()
    }

    /// Everybody, where there is no authentication.
    pub fn local() -> Principal {
        Principal { caller: Caller::local(), credential: Credential::Local, expires_at: None }
    }

    /// Whoever holds an API key or a token. In a URL, which ends up in logs and
    /// histories, only short-lived ones are taken.
    ///
    /// # Errors
    /// Why they are not known.
    pub async fn bearer(&self, token: &str, in_url: bool) -> Result<Principal, Refused> {
        let inner = &self.0;
        if inner.modes.is_empty() {
            return Ok(Self::local());
        }
        if keys::is_key(token) {
            return match inner.modes.contains(&Mode::ApiKeys) {
                _ if in_url => Err(Refused::InUrl),
                true => inner.keys.principal(token).await,
                false => Err(Refused::because("This server takes no API keys.")),
            };
        }
        if token.len() <= verify::MAX_TOKEN && job_token::is_job_token(token) {
            return inner.signer.principal(token, &inner.store, inner.clock.now()).await;
        }
        if !inner.modes.contains(&Mode::Jwt) {
            return Err(Refused::because("The token is none that this server knows."));
        }
        let identity = inner.verifier.token(token).await?;
        if in_url && !self.short_lived(identity.expires_at) {
            return Err(Refused::InUrl);
        }
        Ok(principal(identity, Credential::Token))
    }

    /// Whoever has a session, by the cookies of a request, which came over TLS or not.
    /// `None`: it has none of ours.
    pub async fn cookies(
        &self,
        headers: &HeaderMap,
        encrypted: bool,
    ) -> Option<Result<Principal, Refused>> {
        match session::presented(headers, encrypted) {
            Ok(None) => {}
            Ok(Some(cookie)) => return Some(self.session(&cookie).await),
            Err(reason) => return Some(Err(verify::Refused::from(reason).into())),
        }
        if !self.0.modes.contains(&Mode::Cookie) {
            return None;
        }
        let known = self.0.verifier.cookies(headers).await?;
        Some(known.map(|identity| principal(identity, Credential::Cookie)).map_err(Refused::from))
    }

    /// Signs somebody in by an API key or a token: from then on the cookie stands for it.
    ///
    /// # Errors
    /// Why they are not known.
    pub async fn log_in(&self, token: &str) -> Result<SignedIn, Refused> {
        let principal = self.bearer(token, false).await?;
        match principal.credential {
            Credential::Local => Ok(SignedIn { principal, cookie: None }),
            Credential::Job { .. } => Err(verify::Refused::from(verify::Reason::JobToken).into()),
            _ => Ok(self.0.sessions.begin(principal).await?),
        }
    }

    /// Ends the session of a request's cookie, and says whose it was.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn log_out(&self, headers: &HeaderMap) -> Result<Option<Principal>, StoreError> {
        match session::presented(headers, false) {
            Ok(Some(cookie)) => self.0.sessions.end(&cookie).await,
            // Of two that contradict each other none is in force.
            Ok(None) | Err(_) => Ok(None),
        }
    }

    /// Whoever has signed in, as long as what they signed in with would be taken.
    async fn session(&self, cookie: &str) -> Result<Principal, Refused> {
        let principal = self.0.sessions.principal(cookie).await?;
        let mode = if principal.credential.key().is_some() { Mode::ApiKeys } else { Mode::Jwt };
        if self.0.modes.contains(&mode) {
            return Ok(principal);
        }
        Err(Refused::because("This server does not take what you signed in with any more."))
    }

    /// Whether somebody who was known still is, by the same credential.
    pub async fn still(&self, principal: &Principal) -> bool {
        let inner = &self.0;
        let now = inner.clock.now();
        if principal.expires_at.is_some_and(|end| end <= now) {
            return false;
        }
        match &principal.credential {
            Credential::Local | Credential::Token | Credential::Cookie => true,
            Credential::Key(id) => inner.keys.still(*id).await,
            Credential::Session { id, .. } => inner.sessions.still(*id, now).await,
            Credential::Job { job, epoch, purpose } => {
                match inner.store.token_ground(*job).await {
                    // Who sees a removed job is told that it is gone.
                    Ok(ground) => ground.is_none_or(|g| purpose.holds(&g, *epoch, now).is_ok()),
                    // A store that is out for a moment throws nobody out.
                    Err(_) => true,
                }
            }
        }
    }

    /// A time as the runtime's timers have it.
    pub fn instant(&self, at: Timestamp) -> Instant {
        let micros = at.as_micros().saturating_sub(self.0.clock.now().as_micros());
        let ahead = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        // A timer beyond this has no number, and nobody waits so long.
        Instant::now() + ahead.min(Duration::from_secs(MAX_TIMER_SECS))
    }

    /// A token that reads `job`, of `epoch`, for `purpose`.
    pub fn grant(&self, job: JobId, epoch: u64, purpose: Purpose, secs: u64) -> Granted {
        let inner = &self.0;
        inner.signer.grant(job, epoch, purpose, inner.clock.now(), secs)
    }

    /// Makes an API key.
    ///
    /// # Errors
    /// Where it cannot be kept.
    pub async fn make_key(&self, new: NewKey) -> Result<MadeKey, StoreError> {
        self.0.keys.make(new).await
    }

    /// Makes an API key void, here at once, on other nodes within some seconds.
    /// `None` where there is none of that id.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn revoke_key(&self, id: Uuid) -> Result<Option<crate::store::KeyRow>, StoreError> {
        self.0.keys.revoke(id).await
    }

    /// Whether what ends then may stand in a URL.
    fn short_lived(&self, expires_at: Timestamp) -> bool {
        expires_at <= self.0.clock.now().plus(Duration::from_secs(MAX_URL_SECS))
    }
}

/// What a verified identity may do.
fn principal(identity: Identity, credential: Credential) -> Principal {
    let scopes = match &identity {
        Identity { administrator: true, .. } => Scopes::OWN.with(Scope::Admin),
        Identity { reader: true, .. } => Scopes::NONE.with(Scope::Read).with(Scope::ReadAll),
        _ => Scopes::OWN,
    };
    let caller = Caller::new(identity.owner, scopes);
    Principal { caller, credential, expires_at: Some(identity.expires_at) }
}
