//! What is found and in which line, what is clean, and that nothing hostile makes it slow or stops it.

use super::*;
use studio_core::encoding::{base64, hex};

/// Letters that look random and mean nothing.
const BODY: &str = "q7Rt2Zx9Lm4Wv8Kb3Nc6Yd1Hs5Jf0Gp2TqA8Xw5Ec9Ud";
const HEX: &str = "3f9a0c7be1d24586af03bc9de712485069c1d7e2a4b8f0536d1e9c7ab2480f6d";

fn github() -> String {
    format!("gh{}_{}", "p", &BODY[..36])
}

fn key() -> String {
    format!("-----BEGIN EC {kind} KEY-----\n{BODY}\n{BODY}\n-----END EC {kind} KEY-----\n", kind = "PRIVATE")
}

/// The lines and rules of what is found.
fn found(name: &str, text: &str) -> Vec<(u32, &'static str)> {
    secrets(name, text).iter().map(|found| (found.line, found.rule)).collect()
}

#[test]
fn manifests_show_where_their_secrets_stand() {
    let word = &BODY[..16];
    let sops = "sops:\n  encrypted_regex: ^(data|stringData)$\n  mac: ENC[AES256_GCM,data:x]\n";
    for (name, text, line, rule) in [
        ("s.yaml", "kind: Secret\nstringData:\n  password: hunter\n".into(), 3, "kubernetes-secret"),
        ("s.yaml", format!("kind: Secret\ndata:\n  a: {}\n", base64(word.as_bytes())), 3, "kubernetes-secret"),
        ("s.yaml", "{kind: Secret, stringData: {a: hunter}}\n".into(), 1, "kubernetes-secret"),
        ("s.json", "{\"kind\":\"Secret\",\n\"stringData\":{\"a\":\"hunter\"}}\n".into(), 2, "kubernetes-secret"),
        ("s.yaml", "kind: List\nitems:\n- kind: Secret\n  stringData: {a: hunter}\n".into(), 4, "kubernetes-secret"),
        ("s.yaml", "kind: ConfigMap\n---\nkind: &k Secret\nstringData:\n  a: hunter\n".into(), 5, "kubernetes-secret"),
        ("s.yaml", "a: &k Secret\nb:\n  kind: *k\n  stringData: {a: hunter}\n".into(), 4, "kubernetes-secret"),
        ("s.yaml", "\tbroken\n---\nkind: Secret\nstringData:\n  a: hunter\n  b: [\n".into(), 5, "kubernetes-secret"),
        ("s.yaml", format!("kind: Secret\nstringData:\n  a: ENC[AES256_GCM,data:x]\n  b: {word}\n{sops}"), 4, "sops-plaintext"),
        ("x.sops.yaml", "a: some words\n".into(), 1, "sops-plaintext"),
        ("x.sops.env", "A=ENC[AES256_GCM,data:x]\nB=some\nsops_mac=ENC[x]\n".into(), 2, "sops-plaintext"),
        ("kubeconfig", "users:\n- name: a\n  user:\n    token: abcdefg1\n".into(), 4, "known-place"),
        ("config", format!("context: a\ncontexts:\n  a:\n    key: {BODY}\n"), 4, "known-place"),
        ("cp.yaml", format!("machine:\n  token: {}.{}\n", &HEX[..6], &HEX[..16]), 2, "known-place"),
        ("talsecret.yaml", format!("cluster:\n  id: x\n  secret: {BODY}=\n"), 3, "known-place"),
        ("config.json", format!("{{\"auths\": {{\"ghcr.io\": {{\n\"auth\": \"{}\"}}}}}}", base64(b"bob:hunter2")), 2, "known-place"),
        ("user-data", format!("#cloud-config\nchpasswd:\n  list: |\n    bob:RANDOM\n    root:{word}\n"), 5, "known-place"),
        ("values.yaml", "a:\n  adminPassword: Summer2026!\n".into(), 2, "named-value"),
        ("d.yaml", format!("env:\n- name: API_TOKEN\n  value: {word}\n"), 3, "named-value"),
        ("d.yaml", format!("args:\n- --db-password={word}\n"), 2, "named-value"),
        ("cm.yaml", format!("data:\n  app.conf: |\n    user=a\n    password={word}\n"), 4, "named-value"),
        ("z.yaml", "mqtt:\n  network_key: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]\n".into(), 2, "known-place"),
        (
            "x.tfstate",
            format!("{{\"type\": \"random_password\", \"instances\":\n[{{\"attributes\": {{\"result\": \"{word}\"}}}}]}}"),
            2,
            "known-place",
        ),
    ] {
        assert!(found(name, &text).contains(&(line, rule)), "{text}\n{:?}", found(name, &text));
    }
}

#[test]
fn lines_show_theirs() {
    let word = &BODY[..16];
    let uuid = "12345678-9abc-4def-8123-456789abcdef";
    for (name, text) in [
        ("wg0.conf", format!("PrivateKey = {}=", &BODY[..43])),
        ("terraform.tfvars", format!("pm_api_token_secret = \"{uuid}\"")),
        ("run.log", format!("Authorization: PVEAPIToken=root@pam!ci={uuid}")),
        ("x.sh", format!("curl -u admin:{word} https://nas.lan")),
        ("x.sh", format!("curl -H 'Authorization: Bearer {word}' https://x")),
        ("x.sh", "sshpass -p 'Home!Lab1' ssh root@pve".into()),
        ("x.sh", "ipmitool -H bmc -U ADMIN -P ADMIN power status".into()),
        ("x.sh", format!("kubectl create secret generic x --from-literal=password={word}")),
        ("x.sh", format!("kubeadm join a:6443 --token {}.{}", &HEX[..6], &HEX[..16])),
        ("x.sh", format!("echo 'root:{word}' | chpasswd")),
        ("x.sh", format!("mysql -u root -p{word} app")),
        ("sw.cfg", format!("snmp-server community {word} rw")),
        ("snmpd.conf", format!("createUser mon SHA \"{word}\"")),
        ("wpa.conf", "psk=\"Blue-Horse-77\"".into()),
        ("app.env", format!("DATABASE_URL=postgres://app:{word}@db/x")),
        ("app.env", format!("URL=redis://:{word}@redis:6379")),
        ("app.env", format!("U=postgres%3A%2F%2Fapp%3A{word}%40db%2Fx")),
        ("x.yaml", format!("url: https://hc-ping.com/{uuid}")),
        ("x.yaml", format!("url: https://ha.lan/api/webhook/{}", &BODY[..24])),
        ("x.env", format!("BOT=1234567890:AA{}", &BODY[..33])),
        (".netrc", format!("machine x login bob password {word}")),
        (".pgpass", format!("db:5432:app:app:{word}")),
        (".htpasswd", format!("admin:$apr1$salt${BODY}")),
        (".vault_pass", word.into()),
        (".npmrc", format!("//r.lan/:_authToken={uuid}")),
        ("config.xml", format!("<ApiKey>{HEX}</ApiKey>")),
        ("notes.md", "the NAS: user bob, password: BlueHorse77".into()),
        ("notes.md", format!("| user | password |\n|---|---|\n| bob | {word} |")),
        ("notes.md", format!("Unseal Key 1: {}=", &BODY[..43])),
        ("rclone.conf", format!("key = K00{}", &BODY[..28])),
        ("x.py", format!("password = \"{word}\"")),
        ("x.yaml", format!("# password: {word}")),
    ] {
        assert_eq!(found(name, &text).len(), 1, "{name}: {text}");
    }
}

#[test]
fn what_hides_a_token_is_looked_through() {
    let (token, key) = (github(), key());
    let (front, back) = token.split_at(14);
    let percent: String = token.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let folded = base64(key.as_bytes()).as_bytes().chunks(40).map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>().join("\n");
    for (name, text, line) in [
        ("x.sh", format!("a\nT={front}\\\n  {back}\n"), 2),
        ("x.py", format!("a\nt = \"{front}\" + \"{back}\"\n"), 2),
        ("x.py", format!("a\nt = (\"{front}\"\n     \"{back}\")\n"), 2),
        ("x.yaml", format!("a: 1\nt: \"{front}\\\n  {back}\"\n"), 2),
        ("x.yaml", format!("a: 1\nt: \"\\x67{}\"\n", &token[1..]), 2),
        ("x.log", format!("a\nt {front}\u{1b}[0m\u{200b}{back}\n"), 2),
        ("x.log", format!("a\nt={percent}\n"), 2),
        ("x.txt", format!("a\n{}\n", base64(format!("t {token}").as_bytes())), 2),
        ("x.txt", format!("a\n{}\n", base64(base64(format!("t {token}").as_bytes()).as_bytes())), 2),
        ("x.txt", format!("a\n{}\n", hex(format!("t {token}").as_bytes())), 2),
        ("x.txt", format!("a\n{folded}\n"), 2),
        ("x.log", format!("a\ndata: {{\"delta\":\"{front}\"}}\n\ndata: {{\"delta\":\"{back}\"}}\n"), 2),
        ("cm.yaml", format!("kind: ConfigMap\ndata:\n  b: {}\n", base64(b"DB_PASSWORD=Zx9Qk3Lm7Tp2\n")), 3),
        ("u.yaml", format!("write_files:\n- encoding: b64\n  content: {}\n", base64(key.as_bytes())), 3),
        ("x.json", format!("{{\"a\":\n\"{}\"}}", key.replace('\n', "\\n")), 2),
    ] {
        assert_eq!(found(name, &text).first().map(|found| found.0), Some(line), "{text}");
    }
}

#[test]
fn what_only_speaks_of_secrets_is_clean() {
    for (name, text) in [
        (
            "hr.yaml",
            "kind: HelmRelease\nspec:\n  values:\n    admin: {existingSecret: grafana, passwordKey: admin-password}\n    client_secret: $__file{/etc/x}\n",
        ),
        (
            "es.yaml",
            "kind: ExternalSecret\nspec:\n  data: [{secretKey: S3_KEY2x9, remoteRef: {key: a1b2c3d4e5f6a7b8c9d0}}]\n  target: {template: {data: {p: '{{ .p }}'}}}\n",
        ),
        ("ss.yaml", "kind: SealedSecret\nspec:\n  encryptedData:\n    password: AgBy3i4OJSWK+PiTySYZZA9rO43cGDEq7Rt2Zx9Lm4Wv8Kb3Nc6Yd1\n"),
        ("s.yaml", "kind: Secret\nstringData:\n  a: <password>\n  b: ${B}\n  c: ''\n  d: REPLACE_ME\n  username: bob\n  url: https://x\n"),
        ("s.yaml", "kind: Secret\ntype: kubernetes.io/service-account-token\n"),
        ("templates/s.yaml", "kind: Secret\ndata:\n  {{- if .Values.p }}\n  p: {{ .Values.p | b64enc | quote }}\n  {{- end }}\n"),
        ("w.yaml", "on: push\nenv:\n  TOKEN: ${{ secrets.TOKEN }}\nsteps:\n- uses: a/b@3f9a0c7be1d24586af03bc9de712485069c1d7e2\n"),
        ("values.yaml", "auth:\n  password: \"\"\n  adminPassword: changeme\n  secretName: app-tls-2\n  passwordSecretRef: db-1\n"),
        ("x.yml", "p: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3433\npassword: !secret wifi_password1\n"),
        ("crd.yaml", "kind: CustomResourceDefinition\nspec:\n  properties:\n    password: {type: string, description: 'such as Hunter22'}\n"),
        ("env.yaml", "env:\n- name: DB_PASSWORD\n  valueFrom: {secretKeyRef: {name: db, key: password}}\n"),
        (
            ".sops.yaml",
            "creation_rules:\n- age: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n  encrypted_regex: ^(data|stringData)$\n",
        ),
        ("c.yaml", "services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: ${PW:?missing}\n      PASSWORD_FILE: /run/secrets/db_password\n"),
        ("main.tf", "resource \"x\" \"y\" {\n  password = var.db_password\n  token    = random_password.this.result\n}\n"),
        ("x.sh", "export TOKEN=$(cat /run/token)\nkubectl get secret db -o name\n--token-file=/var/run/token --password-stdin\n"),
        ("README.md", "Set `password: <password>`, then `curl -u user:password https://x`. The token expires: see 1Password.\n"),
        ("x.yaml", "image: a/b@sha256:3f9a0c7be1d24586af03bc9de712485069c1d7e2a4b8f0536d1e9c7ab2480f6d\nuid: 12345678-9abc-4def-8123-456789abcdef\n"),
        ("factory.yaml", "image: factory.talos.dev/installer/3f9a0c7be1d24586af03bc9de712485069c1d7e2a4b8f0536d1e9c7ab2480f6d:v1.9.0\n"),
        ("known_hosts", "git.lan ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIq7Rt2Zx9Lm4Wv8Kb3Nc6Yd1Hs5Jf0Gp2TqA8Xw5\n"),
        ("go.sum", "example.org/x v1.2.3 h1:q7Rt2Zx9Lm4Wv8Kb3Nc6Yd1Hs5Jf0Gp2TqA8Xw5Ec9U=\n"),
        ("d.yaml", "metadata:\n  annotations:\n    checksum/secret: 3f9a0c7be1d24586af03bc9de712485069c1d7e2a4b8f0536d1e9c7ab2480f6d\n"),
        ("snmp.yml", "auths:\n  public_v2:\n    community: public\n"),
        (".env.example", "DB_PASSWORD=\nSECRET_KEY=your-secret-key-here\nTOKEN=op://home/x/token\n"),
    ] {
        assert_eq!(found(name, text), [], "{text}");
    }
}

#[test]
fn a_finding_never_holds_the_value_and_old_lines_do_not_count() {
    let text = format!("a: 1\npassword: {BODY}\n");
    assert!(!format!("{:?}", secrets("x.yaml", &text)).contains(&BODY[..8]));
    let [new] = plaintext("x.yaml", None, &text).try_into().unwrap();
    assert_eq!((new.verdict, new.line, new.rule, new.mend.is_some()), (EditVerdict::Block, 2, "named-value", true));
    assert_eq!(plaintext("x.yaml", Some(&text), &format!("{text}b: 2\n")), []);
    assert_eq!(plaintext("x.md", None, "takes it out as `[secret]`\n"), []);
}

#[test]
fn nothing_hostile_stops_it_or_makes_it_slow() {
    let deep = |open: &str, count: usize| open.repeat(count);
    let bomb: String = (0..30).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".into(), |text, at| {
        let items = vec![format!("*a{at}"); 9].join(", ");
        format!("{text}a{}: &a{} [{items}]\n", at + 1, at + 1)
    });
    for text in [
        deep("[", 2_000),
        deep("{a: ", 2_000),
        deep("- ", 2_000),
        deep("a=\"", 600),
        deep("password:", 2_000),
        deep("a:b@://", 1_000),
        deep("LS0tLS1CRUdJTi", 1_000),
        deep("-----BEGIN ", 1_000),
        deep("eyJ.", 2_000),
        deep("%41", 600),
        deep("\"\n\"", 2_000),
        deep("\u{1b}[", 600),
        deep("kind: Secret\n---\n", 600),
        bomb,
    ] {
        secrets("x.yaml", &text);
        secrets("x.sh", &text);
    }
}

#[test]
fn arbitrary_text_is_read_to_its_end() {
    let pieces = [
        "kind: Secret\n",
        "data:\n",
        "  a: ",
        "---\n",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "\\",
        "\n",
        "  ",
        ": ",
        "=",
        "password",
        "%4",
        "{{",
        "}}",
        "&a ",
        "*a",
        "!vault ",
        "|\n",
        "-----BEGIN ",
        "PRIVATE KEY-----",
        "\u{1b}[",
        "\u{200b}",
        "é",
        "🦀",
        "eyJ",
        "data: ",
        "://",
        "@",
        "sops:\n",
        "$6$",
        "AKIA",
        "\t",
        "\r",
        "#",
        "abcdefghijklmnop0123456789ABCDEF",
    ];
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    for at in 0..700 {
        let text: String = (0..random(60)).map(|_| pieces[random(pieces.len())]).collect();
        let name = ["x.yaml", "x.sh", "x.py", "x.md", ".htpasswd", "x.sops.env", ""][at % 7];
        let lines = u32::try_from(text.split('\n').count()).unwrap();
        assert!(secrets(name, &text).iter().all(|found| (1..=lines).contains(&found.line)), "{text:?} {:?}", secrets(name, &text));
    }
}
