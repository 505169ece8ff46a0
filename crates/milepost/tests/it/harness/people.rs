//! Who calls: a server with authentication, and the credentials of several people.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{Api, Server, id_of};

/// Signs the tokens of the tests.
const SECRET: &str = "a secret of the tests, long enough for them";

/// A server that takes API keys, tokens and cookies.
pub fn guarded() -> Server {
    guarded_with(&[])
}

/// The same with further settings.
pub fn guarded_with(settings: &[(&str, &str)]) -> Server {
    let mut all = vec![("MILEPOST_AUTH", "api-keys,jwt,cookie"), ("MILEPOST_JWT_SECRET", SECRET)];
    all.extend_from_slice(settings);
    Server::with(&all)
}

/// A token with these claims, besides its times.
pub fn signed(claims: Value, lasts_secs: i64) -> String {
    signed_with(SECRET, claims, lasts_secs)
}

/// As [`signed`], with another secret.
pub fn signed_with(secret: &str, mut claims: Value, lasts_secs: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_secs() as i64;
    claims["iat"] = json!(now.min(now + lasts_secs) - 1);
    claims["exp"] = json!(now + lasts_secs);
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("claims are JSON")
}

/// A token of an owner for an hour, not quite.
pub fn token_of(owner: &str) -> String {
    signed(json!({"sub": owner}), 3000)
}

/// A token of somebody with a role.
pub fn token_with_role(owner: &str, role: &str) -> String {
    signed(json!({"sub": owner, "roles": [role]}), 3000)
}

impl Server {
    /// A client of it that presents this credential.
    pub fn api_with(&self, credential: &str) -> Api {
        self.api().with_token(credential)
    }

    /// A client of it as this owner.
    pub fn api_of(&self, owner: &str) -> Api {
        self.api_with(&token_of(owner))
    }

    /// A client of it as an administrator.
    pub fn api_of_admin(&self) -> Api {
        self.api_with(&token_with_role("root", "administrator"))
    }
}

/// What somebody has, of every kind but keys.
pub struct Things {
    pub job: String,
    pub job_token: String,
    pub document: String,
    pub batch: String,
}

impl Things {
    /// Made anew by this client.
    pub async fn made_by(api: &Api) -> Self {
        let external = json!({"pipeline": "external"});
        let job = api.submit_json(&external).await.expect(202).json();
        let batch = api.submit_json(&json!([external])).await.expect(202).json();
        let form = Api::form("note.md", b"# Note".to_vec());
        let document = api.call(api.post("/v1/documents").multipart(form)).await;
        Self {
            job_token: job["access"]["token"].as_str().expect("a token").to_owned(),
            job: id_of(&job),
            document: id_of(&document.expect(201).json()),
            batch: id_of(&batch["batch"]),
        }
    }
}
