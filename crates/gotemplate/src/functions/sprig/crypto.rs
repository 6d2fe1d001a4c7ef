//! Hashes, passwords, keys and certificates.

use std::net::IpAddr;
use std::rc::Rc;

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::{int, text};
use crate::crypto::certificate::{Pair, Request, issue, parse};
use crate::crypto::key::{PrivateKey, RSA_2048_STEPS, SLOW_KEY_STEPS, generate};
use crate::crypto::password::{BCRYPT_STEPS, DERIVE_STEPS, bcrypt, derive};
use crate::crypto::{cipher, key};
use crate::encoding::decode_base64;
use crate::exec::{Context, FuncError};
use crate::functions::{Functions, Params, Type};
use crate::value::{HostObject, Value, View};

const ONE: Params = Params::fixed(&[Type::String]);
const TWO: Params = Params::fixed(&[Type::String, Type::String]);
const CERTIFICATE: Type = Type::Named(TYPE_NAME);
const TYPE_NAME: &str = "sprig.certificate";

pub(super) fn register(functions: &mut Functions) {
    functions.insert("sha1sum", ONE, |_, args| Ok(hex(&Sha1::digest(text(&args[0]))).into()));
    functions.insert("sha256sum", ONE, |_, args| Ok(hex(&Sha256::digest(text(&args[0]))).into()));
    functions.insert("sha512sum", ONE, |_, args| Ok(hex(&Sha512::digest(text(&args[0]))).into()));
    functions.insert("adler32sum", ONE, |_, args| Ok(adler32(text(&args[0])).to_string().into()));
    register_passwords(functions);
    register_certificates(functions);
}

fn register_passwords(functions: &mut Functions) {
    functions.insert("bcrypt", ONE, |context, args| Ok(hash_password(context, text(&args[0]))?.into()));
    functions.insert("htpasswd", TWO, |context, args| {
        let user = String::from_utf8_lossy(text(&args[0]));
        Ok(if user.contains(':') {
            format!("invalid username: {user}").into()
        } else {
            format!("{user}:{}", hash_password(context, text(&args[1]))?).into()
        })
    });
    let derive_params =
        Params::fixed(&[Type::Uint32, Type::String, Type::String, Type::String, Type::String]);
    functions.insert("derivePassword", derive_params, |context, args| {
        context.take_steps(DERIVE_STEPS)?;
        let counter = if let Value::Uint64(counter) = args[0] { counter } else { 0 };
        let [kind, password, user, site] = [1, 2, 3, 4].map(|index| text(&args[index]));
        let counter = u32::try_from(counter).unwrap_or(u32::MAX);
        Ok(derive(counter, &String::from_utf8_lossy(kind), password, user, site).into())
    });
    functions.insert("encryptAES", TWO, |context, args| {
        let mut start = [0; 16];
        context.random_bytes(&mut start);
        Ok(cipher::encrypt(text(&args[0]), text(&args[1]), start).into())
    });
    functions.insert(
        "decryptAES",
        TWO,
        |_, args| Ok(cipher::decrypt(text(&args[0]), text(&args[1]))?.into()),
    );
}

fn register_certificates(functions: &mut Functions) {
    functions.insert("genPrivateKey", ONE, |context, args| {
        let kind = String::from_utf8_lossy(text(&args[0]));
        if !matches!(&*kind, "ecdsa" | "ed25519") {
            context.take_steps(SLOW_KEY_STEPS)?;
        }
        let key = generate(&kind, context.random());
        Ok(key.unwrap_or_else(|error| format!("failed to generate private key: {error}")).into())
    });
    functions.insert("buildCustomCert", TWO, |_, args| {
        let part = |index: usize, what: &str| {
            let bytes =
                decode_base64(text(&args[index])).map_err(|_| format!("unable to decode base64 {what}"))?;
            Ok::<_, FuncError>(String::from_utf8_lossy(&bytes).into_owned())
        };
        let (certificate, key) = (part(0, "certificate")?, part(1, "private key")?);
        parse(&certificate, "decodedCert")?;
        PrivateKey::from_pem(&key).map_err(|error| format!("error parsing private key: {error}"))?;
        Ok(pair(Pair { certificate, key }))
    });
    functions.insert("genCA", Params::fixed(&[Type::String, Type::Int]), |context, args| {
        let key = new_key(context)?;
        certify(context, &args[0], None, int(&args[1]), &key, None)
    });
    functions.insert(
        "genCAWithKey",
        Params::fixed(&[Type::String, Type::Int, Type::String]),
        |context, args| certify(context, &args[0], None, int(&args[1]), &given_key(&args[2])?, None),
    );
    let own = Params::fixed(&[Type::String, Type::List, Type::List, Type::Int]);
    functions.insert("genSelfSignedCert", own, |context, args| {
        let key = new_key(context)?;
        certify(context, &args[0], Some(&args[1..3]), int(&args[3]), &key, None)
    });
    let own = Params::fixed(&[Type::String, Type::List, Type::List, Type::Int, Type::String]);
    functions.insert("genSelfSignedCertWithKey", own, |context, args| {
        certify(context, &args[0], Some(&args[1..3]), int(&args[3]), &given_key(&args[4])?, None)
    });
    let signed = Params::fixed(&[Type::String, Type::List, Type::List, Type::Int, CERTIFICATE]);
    functions.insert("genSignedCert", signed, |context, args| {
        let key = new_key(context)?;
        certify(context, &args[0], Some(&args[1..3]), int(&args[3]), &key, Some(&args[4]))
    });
    let signed = Params::fixed(&[Type::String, Type::List, Type::List, Type::Int, CERTIFICATE, Type::String]);
    functions.insert("genSignedCertWithKey", signed, |context, args| {
        let key = given_key(&args[5])?;
        certify(context, &args[0], Some(&args[1..3]), int(&args[3]), &key, Some(&args[4]))
    });
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn adler32(bytes: &[u8]) -> u32 {
    const PRIME: u32 = 65_521;
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % PRIME;
        high = (high + low) % PRIME;
    }
    high << 16 | low
}

fn hash_password(context: &mut Context<'_>, password: &[u8]) -> Result<String, FuncError> {
    context.take_steps(BCRYPT_STEPS)?;
    let mut salt = [0; 16];
    context.random_bytes(&mut salt);
    Ok(bcrypt(password, salt))
}

fn new_key(context: &mut Context<'_>) -> Result<PrivateKey, FuncError> {
    context.take_steps(RSA_2048_STEPS)?;
    key::PrivateKey::generate_rsa(context.random(), 2048)
        .map_err(|error| format!("error generating rsa key: {error}").into())
}

fn given_key(pem: &Value) -> Result<PrivateKey, FuncError> {
    let pem = String::from_utf8_lossy(text(pem));
    PrivateKey::from_pem(&pem).map_err(|error| format!("parsing private key: {error}").into())
}

/// Issues a certificate: for an authority where there are no `alternatives` (addresses and names), signed by `by`
/// or by itself.
fn certify(
    context: &mut Context<'_>,
    common_name: &Value,
    alternatives: Option<&[Value]>,
    days: i64,
    key: &PrivateKey,
    by: Option<&Value>,
) -> Result<Value, FuncError> {
    let authority = by.and_then(Value::downcast::<Certificate>).map(|Certificate(pair)| {
        let certificate = parse(&pair.certificate, "decodedSignerCert")?;
        let key =
            PrivateKey::from_pem(&pair.key).map_err(|error| format!("error parsing private key: {error}"))?;
        Ok::<_, FuncError>((certificate, key))
    });
    let authority = authority.transpose()?;
    let request = Request {
        common_name: String::from_utf8_lossy(text(common_name)).into_owned(),
        addresses: alternatives.map_or_else(|| Ok(Vec::new()), |lists| addresses(context, &lists[0]))?,
        names: alternatives.map_or_else(|| Ok(Vec::new()), |lists| names(context, &lists[1]))?,
        days,
        is_authority: alternatives.is_none(),
        now: context.now(),
    };
    let signer = authority.as_ref().map(|(certificate, key)| (certificate, key));
    Ok(pair(issue(&request, key, signer, context.random())?))
}

fn strings(context: &mut Context<'_>, list: &Value, what: &str) -> Result<Vec<String>, FuncError> {
    let Some(list) = list.as_list() else { return Ok(Vec::new()) };
    let mut strings = Vec::new();
    for item in list.items() {
        let Value::Str(item) = item else {
            let item = std::slice::from_ref(item);
            let shown = context.print(|printer| printer.print(item))?;
            let shown = String::from_utf8_lossy(text(&shown)).into_owned();
            return Err(format!("error {what}: {shown} is not a string").into());
        };
        strings.push(item.to_string_lossy().into_owned());
    }
    Ok(strings)
}

fn addresses(context: &mut Context<'_>, list: &Value) -> Result<Vec<IpAddr>, FuncError> {
    let parse = |text: String| text.parse().map_err(|_| format!("error parsing ip: {text}").into());
    strings(context, list, "parsing ip")?.into_iter().map(parse).collect()
}

fn names(context: &mut Context<'_>, list: &Value) -> Result<Vec<String>, FuncError> {
    strings(context, list, "processing alternate dns name")
}

fn pair(pair: Pair) -> Value {
    Value::Object(Rc::new(Certificate(pair)))
}

/// A certificate with its key, as a template value with the fields `Cert` and `Key`.
struct Certificate(Pair);

impl HostObject for Certificate {
    fn type_name(&self) -> &str {
        TYPE_NAME
    }

    fn view(&self) -> View {
        View::Struct(vec![("Cert", self.0.certificate.as_str().into()), ("Key", self.0.key.as_str().into())])
    }

    fn equals(&self, other: &dyn HostObject) -> bool {
        let other = (other as &dyn std::any::Any).downcast_ref::<Self>();
        other.is_some_and(|other| self.0.certificate == other.0.certificate && self.0.key == other.0.key)
    }
}
