//! From claims to an identity. Enters: claims whose origin was proven. Leaves: who
//! they name, until when, with which roles. Never: looks at a signature.

use milepost_core::{OwnerId, Timestamp};
use serde_json::{Map, Value};

use super::{Identity, Reason};
use crate::config::JwtConfig;

/// The claims of a credential.
pub type Claims = Map<String, Value>;

/// An owner's name, in bytes.
const MAX_OWNER: usize = 255;
/// Near the end of the year 9999: what is later cannot be written down.
const LAST_SECOND: f64 = 253_402_207_200.0;

/// What claims have to say.
pub struct Rules {
    config: JwtConfig,
}

impl Rules {
    pub fn new(config: &JwtConfig) -> Self {
        Self { config: config.clone() }
    }

    /// Whether a token was issued by whom and for whom it has to be (RFC 7519,
    /// 4.1.1 and 4.1.3).
    pub fn addressed(&self, claims: &Claims) -> Result<(), Reason> {
        let issuers = &self.config.issuer;
        if !issuers.is_empty() && !claims.get("iss").is_some_and(|iss| names(issuers, iss)) {
            return Err(Reason::Issuer);
        }
        let audiences = &self.config.audience;
        match claims.get("aud") {
            None if audiences.is_empty() => Ok(()),
            Some(Value::Array(all)) if all.iter().any(|one| names(audiences, one)) => Ok(()),
            Some(one) if names(audiences, one) => Ok(()),
            // A token for somebody else must not be taken, and without a
            // configured name everybody is somebody else.
            _ => Err(Reason::Audience),
        }
    }

    /// Whom the claims name. `owner_claim` says which one does.
    pub fn identity(
        &self,
        claims: &Claims,
        owner_claim: &str,
        now: Timestamp,
    ) -> Result<Identity, Reason> {
        let leeway = self.config.leeway.as_secs_f64();
        let now = now.as_micros() as f64 / 1e6;
        let end = seconds(claims, "exp")?.ok_or(Reason::Endless)?;
        if now >= end + leeway {
            return Err(Reason::Expired);
        }
        for begin in ["nbf", "iat"] {
            if seconds(claims, begin)?.is_some_and(|begin| begin > now + leeway) {
                return Err(Reason::NotYetValid);
            }
        }
        let owner = owner(claims, owner_claim).ok_or(Reason::Owner)?;
        let roles = roles(claims, &self.config.roles_claim)?;
        let has = |wanted: &[String]| roles.iter().any(|role| wanted.iter().any(|one| one == role));
        Ok(Identity {
            owner,
            administrator: has(&self.config.administrators),
            reader: has(&self.config.readers),
            expires_at: Timestamp::from_micros((end.min(LAST_SECOND) * 1e6) as i64),
        })
    }
}

fn names(accepted: &[String], value: &Value) -> bool {
    value.as_str().is_some_and(|text| accepted.iter().any(|one| one == text))
}

/// A time as RFC 7519 has it: seconds since the epoch, perhaps with a fraction.
fn seconds(claims: &Claims, name: &'static str) -> Result<Option<f64>, Reason> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(seconds) if seconds.is_finite() => Ok(Some(seconds)),
            _ => Err(Reason::Time(name)),
        },
    }
}

/// A claim by its name, or by a path into objects. The name as a whole comes
/// first: some issuers name claims by URLs.
fn claim<'a>(claims: &'a Claims, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let mut keys = path.split('.');
    let first = claims.get(keys.next()?)?;
    keys.try_fold(first, |value, key| value.get(key))
}

fn owner(claims: &Claims, path: &str) -> Option<OwnerId> {
    let name = match claim(claims, path)? {
        Value::String(name) => name.clone(),
        // A fraction has several spellings, and an owner one.
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => return None,
    };
    let fine = !name.trim().is_empty() && name.len() <= MAX_OWNER;
    (fine && !name.chars().any(char::is_control)).then(|| OwnerId::new(name))
}

/// All roles. What cannot be read is refused: a role may also take rights away.
fn roles<'a>(claims: &'a Claims, path: &str) -> Result<Vec<&'a str>, Reason> {
    match claim(claims, path) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => {
            Ok(text.split([' ', ',']).filter(|one| !one.is_empty()).collect())
        }
        Some(Value::Array(all)) => {
            all.iter().map(|one| one.as_str().ok_or(Reason::Roles)).collect()
        }
        Some(_) => Err(Reason::Roles),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn read(config: &JwtConfig, claims: Value) -> Result<Identity, Reason> {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        let rules = Rules::new(config);
        rules.addressed(&claims)?;
        rules.identity(&claims, &config.owner_claim, NOW)
    }

    fn plain(claims: Value) -> Result<Identity, Reason> {
        read(&JwtConfig::default(), claims)
    }

    fn from_now(seconds: f64) -> f64 {
        NOW.as_micros() as f64 / 1e6 + seconds
    }

    #[test]
    fn a_credential_has_a_beginning_and_an_end() {
        let ends = |exp: Value| plain(json!({"sub": "ada", "exp": exp})).map(|_| ());
        assert_eq!(ends(from_now(1.0).into()), Ok(()));
        assert_eq!(ends(from_now(-29.5).into()), Ok(()), "within the leeway");
        assert_eq!(ends(from_now(-30.0).into()), Err(Reason::Expired));
        assert_eq!(ends((-1).into()), Err(Reason::Expired));
        assert_eq!(ends("1900000000".into()), Err(Reason::Time("exp")));
        assert_eq!(ends(json!([1_900_000_000])), Err(Reason::Time("exp")));
        assert_eq!(ends(Value::Null), Err(Reason::Time("exp")));
        assert_eq!(plain(json!({"sub": "ada"})), Err(Reason::Endless));
        for name in ["nbf", "iat"] {
            let begins = |at: Value| {
                plain(json!({"sub": "ada", "exp": from_now(90.0), name: at})).map(|_| ())
            };
            assert_eq!(begins(from_now(29.0).into()), Ok(()));
            assert_eq!(begins(from_now(31.0).into()), Err(Reason::NotYetValid));
            assert_eq!(begins("soon".into()), Err(Reason::Time(name)));
        }
    }

    #[test]
    fn the_end_can_be_written_down() {
        let end = |exp: f64| plain(json!({"sub": "ada", "exp": exp})).unwrap().expires_at;
        assert_eq!(end(1_900_000_000.5).as_micros(), 1_900_000_000_500_000);
        assert_eq!(end(1e300).to_string(), "9999-12-30T22:00:00.000000Z");
    }

    #[test]
    fn a_token_for_somebody_else_is_refused() {
        let mut config = JwtConfig::default();
        let to = |config: &JwtConfig, aud: Value| {
            read(config, json!({"sub": "ada", "exp": from_now(9.0), "aud": aud})).map(|_| ())
        };
        assert_eq!(to(&config, "milepost".into()), Err(Reason::Audience));
        assert_eq!(to(&config, json!([])), Err(Reason::Audience));
        assert_eq!(to(&config, Value::Null), Err(Reason::Audience));
        config.audience = vec!["milepost".to_owned(), "docs".to_owned()];
        assert_eq!(to(&config, "milepost".into()), Ok(()));
        assert_eq!(to(&config, json!(["account", "docs"])), Ok(()));
        assert_eq!(to(&config, json!(["account", 7])), Err(Reason::Audience));
        assert_eq!(to(&config, "Milepost".into()), Err(Reason::Audience));
        let none = read(&config, json!({"sub": "ada", "exp": from_now(9.0)}));
        assert_eq!(none, Err(Reason::Audience));
    }

    #[test]
    fn a_token_of_another_issuer_is_refused() {
        let config =
            JwtConfig { issuer: vec!["https://login.example/".to_owned()], ..JwtConfig::default() };
        let of = |iss: Value| {
            read(&config, json!({"sub": "ada", "exp": from_now(9.0), "iss": iss})).map(|_| ())
        };
        assert_eq!(of("https://login.example/".into()), Ok(()));
        assert_eq!(of("https://login.example".into()), Err(Reason::Issuer));
        assert_eq!(of(json!(["https://login.example/"])), Err(Reason::Issuer));
        assert_eq!(of(Value::Null), Err(Reason::Issuer));
        let none = read(&config, json!({"sub": "ada", "exp": from_now(9.0)}));
        assert_eq!(none, Err(Reason::Issuer));
    }

    #[test]
    fn an_owner_is_a_name() {
        let of = |sub: Value| plain(json!({"sub": sub, "exp": from_now(9.0)})).map(|who| who.owner);
        assert_eq!(of("ada|1".into()), Ok(OwnerId::new("ada|1")));
        assert_eq!(of(42.into()), Ok(OwnerId::new("42")));
        assert_eq!(of("é".repeat(127).into()), Ok(OwnerId::new("é".repeat(127))));
        for wrong in [
            json!(""),
            json!("  "),
            json!("a\nb"),
            json!("a\u{0}"),
            json!("a\u{85}"),
            json!("é".repeat(128)),
            json!(1.5),
            json!(1e30),
            json!(true),
            json!(["ada"]),
            json!({"name": "ada"}),
            Value::Null,
        ] {
            assert_eq!(of(wrong.clone()), Err(Reason::Owner), "{wrong}");
        }
        assert_eq!(plain(json!({"exp": from_now(9.0)})), Err(Reason::Owner));
    }

    #[test]
    fn roles_stand_in_lists_texts_and_objects() {
        let at = |path: &str, claims: Value| {
            let config = JwtConfig { roles_claim: path.to_owned(), ..JwtConfig::default() };
            let mut all = json!({"sub": "ada", "exp": from_now(9.0)});
            all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
            read(&config, all).map(|who| (who.administrator, who.reader))
        };
        assert_eq!(at("roles", json!({})), Ok((false, false)));
        assert_eq!(at("roles", json!({"roles": ["reader", "x"]})), Ok((false, true)));
        assert_eq!(at("roles", json!({"roles": "x admin"})), Ok((true, false)));
        assert_eq!(at("roles", json!({"roles": "reader,administrator"})), Ok((true, true)));
        assert_eq!(at("roles", json!({"roles": "administrators Admin"})), Ok((false, false)));
        let keycloak = json!({"realm_access": {"roles": ["admin"]}});
        assert_eq!(at("realm_access.roles", keycloak), Ok((true, false)));
        let auth0 = json!({"https://app.example/roles": ["admin"]});
        assert_eq!(at("https://app.example/roles", auth0), Ok((true, false)));
        for wrong in [json!({"roles": 7}), json!({"roles": ["admin", 7]}), json!({"roles": {}})] {
            assert_eq!(at("roles", wrong.clone()), Err(Reason::Roles), "{wrong}");
        }
    }
}
