//! Tokens that read one job: given out with every submission, and by its owner to
//! others. Signed with a key that every node has. Enters: a token. Leaves: its job,
//! if it is in force. Never: lets a token do anything but read that job.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use milepost_core::{Caller, JobId, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Credential, Principal, Refused};
use crate::clock::Clock;
use crate::config::TokensConfig;
use crate::store::{Store, StoreError, TokenGround};

/// What tells our tokens from everybody else's (the header `typ` of RFC 7515).
const KIND: &str = "mpjob+jwt";
/// What the store knows the key by.
const SIGNS: &str = "job_token";
/// How long the token of a submission reads on behind the end of its job.
const AFTER_END: Duration = Duration::from_secs(15 * 60);

/// What a token was given out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// With the answer to a submission; it ends soon after the job.
    Submit,
    /// By an owner who shares a job.
    Share,
}

impl Purpose {
    /// Whether a token of `epoch` holds.
    pub(super) fn holds(
        self,
        ground: &TokenGround,
        epoch: u64,
        now: Timestamp,
    ) -> Result<(), Refused> {
        if epoch != ground.epoch {
            return Err(Refused::because("The token was revoked."));
        }
        let end = ground.finished_at.map(|end| end.plus(AFTER_END));
        if self == Self::Submit && end.is_some_and(|end| end <= now) {
            return Err(Refused::because(
                "The token has expired: it ends 15 minutes after its job.",
            ));
        }
        Ok(())
    }
}

/// A token that was given out.
#[derive(Clone, Debug)]
pub struct Granted {
    /// It.
    pub token: String,
    /// From when on it is void.
    pub expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    job: JobId,
    epoch: u64,
    purpose: Purpose,
    iat: i64,
    exp: i64,
}

/// Signs tokens and knows them again.
pub(super) struct Signer {
    /// Signs; and knows, with the others.
    id: String,
    key: EncodingKey,
    known: Vec<(String, DecodingKey)>,
}

impl Signer {
    /// With the configured secrets, or else with one of the store's.
    pub(super) async fn start(
        config: &TokensConfig,
        store: &Store,
        clock: &Clock,
    ) -> Result<Self, StoreError> {
        if config.secret.is_set() {
            let secrets = [&config.secret, &config.previous_secret].into_iter();
            let secrets = secrets.filter(|secret| secret.is_set());
            let keys = secrets.map(|secret| named(secret.reveal().as_bytes())).collect();
            return Ok(Self::new(keys));
        }
        let mut secret = vec![0; 32];
        getrandom::fill(&mut secret)
            .map_err(|error| StoreError::NotCommitted(error.to_string()))?;
        Ok(Self::new(vec![store.signing_key(SIGNS, named(&secret), clock.now()).await?]))
    }

    fn new(keys: Vec<(String, Vec<u8>)>) -> Self {
        let (id, first) = &keys[0];
        let known = keys.iter().map(|(id, key)| (id.clone(), DecodingKey::from_secret(key)));
        Self { id: id.clone(), key: EncodingKey::from_secret(first), known: known.collect() }
    }

    pub(super) fn grant(
        &self,
        job: JobId,
        epoch: u64,
        purpose: Purpose,
        now: Timestamp,
        secs: u64,
    ) -> Granted {
        let iat = now.as_micros() / 1_000_000;
        let exp = iat.saturating_add_unsigned(secs);
        let mut header = Header::new(Algorithm::HS256);
        (header.typ, header.kid) = (Some(KIND.to_owned()), Some(self.id.clone()));
        let claims = Claims { job, epoch, purpose, iat, exp };
        let token = jsonwebtoken::encode(&header, &claims, &self.key);
        let token = token.expect("the claims are JSON, and the key is one for HMAC");
        Granted { token, expires_at: Timestamp::from_micros(exp.saturating_mul(1_000_000)) }
    }

    pub(super) async fn principal(
        &self,
        token: &str,
        store: &Store,
        now: Timestamp,
    ) -> Result<Principal, Refused> {
        let Claims { job, epoch, purpose, exp, .. } = self.read(token)?;
        let expires_at = Timestamp::from_micros(exp.saturating_mul(1_000_000));
        if expires_at <= now {
            return Err(Refused::because("The token has expired."));
        }
        let ground = store.token_ground(job).await?;
        // To whoever had a token for it, a removed job is gone.
        let owner = match ground {
            Some(ground) => {
                purpose.holds(&ground, epoch, now)?;
                ground.owner
            }
            None => milepost_core::OwnerId::new(""),
        };
        Ok(Principal {
            caller: Caller::reader_of(owner, job),
            credential: Credential::Job { job, epoch, purpose },
            expires_at: Some(expires_at),
        })
    }

    fn read(&self, token: &str) -> Result<Claims, Refused> {
        let broken = || Refused::because("The token is not one of this server's.");
        let header = jsonwebtoken::decode_header(token).map_err(|_| broken())?;
        let kid = header.kid.ok_or_else(broken)?;
        let (_, key) = self.known.iter().find(|(id, _)| *id == kid).ok_or_else(broken)?;
        let mut validation = Validation::new(Algorithm::HS256);
        // By our own clock.
        validation.validate_exp = false;
        let read = jsonwebtoken::decode::<Claims>(token, key, &validation);
        read.map(|read| read.claims).map_err(|_| broken())
    }
}

/// A secret under a name that does not tell it.
fn named(secret: &[u8]) -> (String, Vec<u8>) {
    let digest = Sha256::new().chain_update(b"milepost job token key").chain_update(secret);
    let id = digest.finalize()[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    (id, secret.to_vec())
}

/// Whether a token says of itself that it is one of ours.
pub(super) fn is_job_token(token: &str) -> bool {
    jsonwebtoken::decode_header(token).is_ok_and(|header| header.typ.as_deref() == Some(KIND))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn signer(secrets: &[&[u8]]) -> Signer {
        Signer::new(secrets.iter().map(|secret| named(secret)).collect())
    }

    #[test]
    fn a_token_is_known_by_the_keys_in_force_alone() {
        let job = JobId::new(Uuid::from_u128(7));
        let now = Timestamp::from_micros(1_000_000_000_000);
        let (old, new) = (signer(&[b"old"]), signer(&[b"new", b"old"]));
        let granted = old.grant(job, 3, Purpose::Share, now, 60);
        assert!(is_job_token(&granted.token));
        assert_eq!(granted.expires_at, Timestamp::from_micros(1_000_060_000_000));
        let claims = new.read(&granted.token).unwrap();
        assert_eq!((claims.job, claims.epoch, claims.purpose), (job, 3, Purpose::Share));
        assert!(signer(&[b"new"]).read(&granted.token).is_err());
        // Whatever is changed in it, it is another one.
        let (head, signature) = granted.token.rsplit_once('.').unwrap();
        assert!(new.read(&format!("{head}.{}", signature.replace(&signature[..1], "-"))).is_err());
        assert!(new.read(&format!("{head}.")).is_err());
    }

    #[test]
    fn no_other_algorithm_is_taken() {
        let job = JobId::new(Uuid::from_u128(7));
        let signer = signer(&[b"secret"]);
        let claims = Claims { job, epoch: 0, purpose: Purpose::Share, iat: 0, exp: i64::MAX };
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            let mut header = Header::new(algorithm);
            (header.typ, header.kid) = (Some(KIND.to_owned()), Some(signer.id.clone()));
            let token = jsonwebtoken::encode(&header, &claims, &signer.key).unwrap();
            assert!(signer.read(&token).is_err(), "{algorithm:?}");
        }
    }

    #[test]
    fn a_submission_s_token_ends_soon_after_its_job() {
        let ground = |finished_at, epoch| TokenGround {
            owner: milepost_core::OwnerId::new("ann"),
            epoch,
            finished_at,
        };
        let (end, late) = (Timestamp::from_micros(0), Timestamp::from_micros(900_000_000));
        let soon = Timestamp::from_micros(899_999_999);
        for (purpose, finished_at, epoch, now, holds) in [
            (Purpose::Submit, None, 0, late, true),
            (Purpose::Submit, Some(end), 0, soon, true),
            (Purpose::Submit, Some(end), 0, late, false),
            (Purpose::Share, Some(end), 0, late, true),
            (Purpose::Share, None, 1, soon, false),
            (Purpose::Submit, None, 1, soon, false),
        ] {
            let held = purpose.holds(&ground(finished_at, epoch), 0, now).is_ok();
            assert_eq!(held, holds, "{purpose:?} {finished_at:?} {epoch}");
        }
    }
}
