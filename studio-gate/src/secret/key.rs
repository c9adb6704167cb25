//! What the name of a value says about it.

use super::value::{opaque, password};
use std::sync::LazyLock;

/// How sure a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A human's word, which may be weak.
    Password,
    /// A token or key, which is random.
    Token,
    /// Something with `key` in its name: only what is very random counts.
    Perhaps,
}

impl Named {
    /// Says what a name promises, if it is that of a secret.
    pub(super) fn of(name: &str) -> Option<Named> {
        // Charts write the hash of what a pod uses beside it.
        if name.contains("checksum/") {
            return None;
        }
        let last = name.trim().trim_matches(['"', '\'', '`']).rsplit(['/', ':', '.']).next().unwrap_or(name);
        let name: String = last.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let ends = ENDS.get(usize::from(*name.as_bytes().last()?))?;
        let said = |wanted: usize| ends.iter().any(|(list, end)| *list == wanted && name.ends_with(end));
        if said(0) {
            return None;
        }
        if said(1) || name == "pass" || name == "pw" {
            return Some(Named::Password);
        }
        if said(2) || name == "sig" {
            return Some(Named::Token);
        }
        if name == "auth" {
            return Some(Named::Token);
        }
        (name.len() > 3 && name.ends_with("key") || name == "salt" || name == "seed").then_some(Named::Perhaps)
    }

    /// Says whether a value under such a name is a secret.
    pub(super) fn holds(self, value: &str) -> bool {
        match self {
            Named::Password => password(value),
            Named::Token => opaque(value, 10) && (value.len() >= 14 || value.chars().any(|c| c.is_ascii_digit())),
            Named::Perhaps => opaque(value, 24) && value.chars().any(|c| c.is_ascii_digit()),
        }
    }
}

/// The ends of names by their last byte, each with the number of its list.
static ENDS: LazyLock<Vec<Vec<(usize, &str)>>> = LazyLock::new(|| {
    let mut ends = vec![Vec::new(); 256];
    for (list, names) in [NEVER, PASSWORDS, TOKENS].into_iter().enumerate() {
        for name in names.split_whitespace() {
            name.as_bytes().last().and_then(|byte| ends.get_mut(usize::from(*byte))).into_iter().for_each(|ends| ends.push((list, name)));
        }
    }
    ends
});

const PASSWORDS: &str = "password passwd passphrase passwort passcode kennwort motdepasse contrasena dbpass userpass rootpass adminpass becomepass pwhash mypass ftppass smtppass \
    mysqlpass mailpass httppass basicpass authpass privpass requirepass masterauth pwd psk rcpass sshpass bindpw rootpw userpw adminpw dbpw ldappw passwords \
    presharedkey presharedsecret passwordhash passwdhash ptpasswd snmppass wpapass wifipass vncpass";
const TOKENS: &str = "secret secrets token tokens apikey apikeys authkey accesskey secretkey privatekey sharedkey masterkey encryptionkey signingkey sessionkey \
    cookiesecret hmackey hmac clientkey authtoken bearer secretid unsealkey recoverykey accountkey storagekey adminkey routingkey integrationkey licensekey \
    servicekey bootstraptoken certificatekey community authorization xapikey apihash connectionstring credential credentials secretbase appkey deploykey joinkey \
    rsakey sshkey agekey cryptkey encryptkey rootkey keymaterial otpseed totp mnemonic webhookid webhookkey pushkey userkey tokenvalue secretvalue clientkeydata \
    xplextoken xamzsignature xauthtoken xauthkey xvaulttoken privatetoken cookie sessionid apisecret secretaccesskey";
/// Names that only look like it.
const NEVER: &str = "publickey pubkey publickeys secretkeyref existingsecret imagepullsecret imagepullsecrets pullsecret tlssecret secretname secretref \
    existingsecretkey secretkeykey passwordkey tokenkey usernamekey hostkey sortkey partitionkey primarykey foreignkey cachekey topologykey nodekey labelkey \
    annotationkey restorekey hotkey maxtokens numtokens mintokens prompttokens completiontokens keepsecrets csrftoken idempotencykey sourcekey signkey fingerprintkey gpgkey \
    knownhostkey csicookie setcookie thumbprint continuetoken nextpagetoken pagetoken";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_promise_what_they_say() {
        for (name, promise) in [
            ("adminPassword", Some(Named::Password)),
            ("POSTGRES_PASSWORD", Some(Named::Password)),
            ("wpa_psk", Some(Named::Password)),
            ("pm_api_token_secret", Some(Named::Token)),
            ("//registry.npmjs.org/:_authToken", Some(Named::Token)),
            ("X-Api-Key", Some(Named::Token)),
            ("DB_BACKUP_KEY", Some(Named::Perhaps)),
            ("passwordSecretRef", None),
            ("existingSecret", None),
            ("secretName", None),
            ("PublicKey", None),
            ("tokenKey", None),
            ("max_tokens", None),
            ("key", None),
            ("bypass", None),
            ("image", None),
        ] {
            assert_eq!(Named::of(name), promise, "{name}");
        }
    }
}
