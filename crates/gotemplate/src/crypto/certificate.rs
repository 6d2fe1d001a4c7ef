//! Certificates: authorities, self-signed ones, and those signed by an authority.

use std::net::IpAddr;
use std::time::Duration;

use rsa::pkcs1v15;
use rsa::pkcs8::EncodePublicKey;
use rsa::sha2::Sha256;
use sha1::{Digest, Sha1};
use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::{
    Any, Ia5String, ObjectIdentifier, OctetString, PrintableStringRef, SetOfVec, Utf8StringRef,
};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};

use super::key::PrivateKey;
use super::pem;
use crate::random::Random;

/// A certificate and its key, both PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// What a certificate is to say.
pub(crate) struct Request {
    pub(crate) common_name: String,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) names: Vec<String>,
    pub(crate) days: i64,
    pub(crate) is_authority: bool,
    /// Nanoseconds since 1970.
    pub(crate) now: i128,
}

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");

/// Makes a certificate for `key`, signed by `authority` or by itself.
pub(crate) fn issue(
    request: &Request,
    key: &PrivateKey,
    authority: Option<(&Certificate, &PrivateKey)>,
    random: &mut Random,
) -> Result<Pair, String> {
    let subject = name(&request.common_name)?;
    let public_key = public_key(key)?;
    let parent = authority.map(|(certificate, _)| certificate.tbs_certificate());
    let profile = Profile {
        issuer: parent.map_or_else(|| subject.clone(), |parent| parent.subject().clone()),
        extensions: extensions(request, &subject, &public_key, parent)?,
        subject,
    };
    let mut serial = [0; 16];
    random.fill(&mut serial);
    let serial = SerialNumber::new(&serial).map_err(text)?;
    let builder = CertificateBuilder::new(profile, serial, validity(request)?, public_key).map_err(text)?;
    let certificate = sign(builder, authority.map_or(key, |(_, signer)| signer))?;
    Ok(Pair {
        certificate: pem::encode("CERTIFICATE", &certificate.to_der().map_err(text)?),
        key: key.to_pem()?,
    })
}

/// Reads a certificate; fails with sprig's messages, in which `name` is a variable of its source.
pub(crate) fn parse(text: &str, name: &str) -> Result<Certificate, String> {
    let Some((_, der)) = pem::decode(text) else { return Err("unable to decode certificate".into()) };
    Certificate::from_der(&der).map_err(|error| format!("error parsing certificate: {name}.Bytes: {error}"))
}

fn text(error: impl std::fmt::Display) -> String {
    format!("error creating certificate: {error}")
}

struct Profile {
    subject: Name,
    issuer: Name,
    extensions: Vec<Extension>,
}

impl BuilderProfile for Profile {
    fn get_issuer(&self, _: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        Ok(self.extensions.clone())
    }
}

fn sign(builder: CertificateBuilder<Profile>, key: &PrivateKey) -> Result<Certificate, String> {
    match key {
        PrivateKey::Rsa(key) => {
            let signer = pkcs1v15::SigningKey::<Sha256>::new((**key).clone());
            builder.build::<_, pkcs1v15::Signature>(&signer)
        }
        PrivateKey::P256(key) => {
            let signer = p256::ecdsa::SigningKey::from(&**key);
            builder.build::<_, p256::ecdsa::DerSignature>(&signer)
        }
        PrivateKey::P384(key) => {
            let signer = p384::ecdsa::SigningKey::from(&**key);
            builder.build::<_, p384::ecdsa::DerSignature>(&signer)
        }
        PrivateKey::Ed25519(key) => builder.build::<_, ed25519_dalek::Signature>(&**key),
        PrivateKey::Dsa => {
            return Err("error creating certificate: x509: only RSA, ECDSA and Ed25519 keys supported".into());
        }
    }
    .map_err(text)
}

fn public_key(key: &PrivateKey) -> Result<SubjectPublicKeyInfoOwned, String> {
    let document = match key {
        PrivateKey::Rsa(key) => key.to_public_key().to_public_key_der(),
        PrivateKey::P256(key) => key.public_key().to_public_key_der(),
        PrivateKey::P384(key) => key.public_key().to_public_key_der(),
        PrivateKey::Ed25519(key) => key.verifying_key().to_public_key_der(),
        PrivateKey::Dsa => {
            return Err(
                "error creating certificate: x509: unsupported public key type: *dsa.PublicKey".into()
            );
        }
    };
    SubjectPublicKeyInfoOwned::from_der(document.map_err(text)?.as_bytes()).map_err(text)
}

fn name(common_name: &str) -> Result<Name, String> {
    let mut names = RdnSequence::default();
    if !common_name.is_empty() {
        let value = match PrintableStringRef::new(common_name) {
            Ok(printable) => Any::from(printable),
            Err(_) => Any::from(Utf8StringRef::new(common_name).map_err(text)?),
        };
        let attribute = AttributeTypeAndValue { oid: COMMON_NAME, value };
        let set = SetOfVec::try_from(vec![attribute]).map_err(text)?;
        names.push(RelativeDistinguishedName::from(set));
    }
    Name::from_der(&names.to_der().map_err(text)?).map_err(text)
}

fn validity(request: &Request) -> Result<Validity, String> {
    let from = i64::try_from(request.now.div_euclid(1_000_000_000)).map_err(text)?;
    let until = from.saturating_add(request.days.saturating_mul(86_400));
    let time = |seconds: i64| {
        let seconds = u64::try_from(seconds).map_err(text)?;
        let time =
            x509_cert::der::DateTime::from_unix_duration(Duration::from_secs(seconds)).map_err(text)?;
        Ok::<_, String>(Time::GeneralTime(x509_cert::der::asn1::GeneralizedTime::from_date_time(time)))
    };
    Ok(Validity::new(time(from)?, time(until)?))
}

fn extensions(
    request: &Request,
    subject: &Name,
    public_key: &SubjectPublicKeyInfoOwned,
    parent: Option<&TbsCertificate>,
) -> Result<Vec<Extension>, String> {
    let mut extensions = Vec::new();
    let mut usage = KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment;
    if request.is_authority {
        usage |= KeyUsages::KeyCertSign;
    }
    add(&mut extensions, subject, &KeyUsage(usage))?;
    add(&mut extensions, subject, &ExtendedKeyUsage(vec![SERVER_AUTH, CLIENT_AUTH]))?;
    add(&mut extensions, subject, &BasicConstraints { ca: request.is_authority, path_len_constraint: None })?;
    if request.is_authority {
        let hash = Sha1::digest(public_key.subject_public_key.raw_bytes());
        add(&mut extensions, subject, &SubjectKeyIdentifier(OctetString::new(hash.to_vec()).map_err(text)?))?;
    }
    let parent = parent.filter(|parent| parent.subject() != subject);
    if let Some((_, identifier)) =
        parent.map(TbsCertificate::get_extension::<SubjectKeyIdentifier>).transpose().map_err(text)?.flatten()
    {
        let identifier = AuthorityKeyIdentifier {
            key_identifier: Some(identifier.0),
            ..AuthorityKeyIdentifier::default()
        };
        add(&mut extensions, subject, &identifier)?;
    }
    let mut names = Vec::new();
    for name in &request.names {
        let name = Ia5String::new(name)
            .map_err(|_| text(format_args!("x509: {name:?} cannot be encoded as an IA5String")))?;
        names.push(GeneralName::DnsName(name));
    }
    names.extend(request.addresses.iter().map(|address| GeneralName::from(*address)));
    if !names.is_empty() {
        add(&mut extensions, subject, &SubjectAltName(names))?;
    }
    Ok(extensions)
}

fn add<E>(extensions: &mut Vec<Extension>, subject: &Name, extension: E) -> Result<(), String>
where
    E: ToExtension,
    E::Error: std::fmt::Display,
{
    let extension = extension.to_extension(subject, extensions).map_err(text)?;
    extensions.push(extension);
    Ok(())
}

#[cfg(test)]
mod tests {
    use rsa::signature::Verifier;

    use super::*;

    fn request(common_name: &str, is_authority: bool) -> Request {
        Request {
            common_name: common_name.into(),
            addresses: vec!["10.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
            names: vec!["*.example.org".into()],
            days: 30,
            is_authority,
            now: 1_795_253_696_000_000_000,
        }
    }

    #[test]
    fn an_authority_signs_what_it_issues() {
        let mut random = Random::new([1; 32]);
        let authority_key = PrivateKey::generate_rsa(&mut random, 2048).unwrap();
        let authority = issue(&request("authority", true), &authority_key, None, &mut random).unwrap();
        let authority = parse(&authority.certificate, "authority").unwrap();
        let key = PrivateKey::from_pem(&super::super::key::generate("ecdsa", &mut random).unwrap()).unwrap();
        let issued =
            issue(&request("é", false), &key, Some((&authority, &authority_key)), &mut random).unwrap();
        let issued = parse(&issued.certificate, "issued").unwrap();
        assert_eq!(issued.tbs_certificate().issuer(), authority.tbs_certificate().subject());

        let PrivateKey::Rsa(signer) = &authority_key else { panic!("an RSA key") };
        let signature = pkcs1v15::Signature::try_from(issued.signature().raw_bytes()).unwrap();
        let message = issued.tbs_certificate().to_der().unwrap();
        pkcs1v15::VerifyingKey::<Sha256>::new(signer.to_public_key()).verify(&message, &signature).unwrap();

        let (_, subject_key) =
            authority.tbs_certificate().get_extension::<SubjectKeyIdentifier>().unwrap().unwrap();
        let (_, issuer_key) =
            issued.tbs_certificate().get_extension::<AuthorityKeyIdentifier>().unwrap().unwrap();
        assert_eq!(issuer_key.key_identifier, Some(subject_key.0));
    }

    #[test]
    fn what_cannot_be_issued_says_why() {
        let mut random = Random::new([1; 32]);
        let key =
            PrivateKey::from_pem(&super::super::key::generate("ed25519", &mut random).unwrap()).unwrap();
        let issue =
            |request: &Request, random: &mut Random| issue(request, &key, None, random).err().unwrap();
        let names = Request { names: vec!["é.org".into()], ..request("a", false) };
        assert!(issue(&names, &mut random).contains("cannot be encoded as an IA5String"));
        let early = Request { now: -1, ..request("a", false) };
        assert!(issue(&early, &mut random).contains("error creating certificate"));
        let forever = Request { days: i64::MAX, ..request("a", false) };
        assert!(issue(&forever, &mut random).contains("error creating certificate"));
    }
}
