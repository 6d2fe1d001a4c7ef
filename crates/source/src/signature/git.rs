/// What is signed, and its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The bytes that are signed.
    pub payload: Vec<u8>,
    /// The signature, armored; empty where there is none.
    pub signature: String,
}

/// An annotated tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTag {
    /// Its name.
    pub name: String,
    /// The tag object's hash.
    pub id: String,
    /// What is signed of it.
    pub signed: Signed,
}

impl Signed {
    /// Takes a commit object apart: the signature stands in a header of its own, which is not part of what is signed.
    pub(crate) fn of_commit(object: &[u8]) -> Self {
        let (mut payload, mut signature) = (Vec::with_capacity(object.len()), Vec::new());
        let mut lines = object.split_inclusive(|byte| *byte == b'\n');
        let mut within = Within::Other;
        for line in lines.by_ref() {
            if line == b"\n" {
                payload.extend_from_slice(line);
                break;
            }
            within = match (line.strip_prefix(b" "), within) {
                (Some(more), Within::Signature) => {
                    signature.extend_from_slice(more);
                    continue;
                }
                (Some(_), Within::OtherSignature) => continue,
                (Some(_), Within::Other) => Within::Other,
                (None, _) => Within::of(line),
            };
            match within {
                Within::Signature => signature.extend_from_slice(&line[SIGNATURE.len()..]),
                Within::OtherSignature => {}
                Within::Other => payload.extend_from_slice(line),
            }
        }
        lines.for_each(|line| payload.extend_from_slice(line));
        Self { payload, signature: String::from_utf8_lossy(&signature).into_owned() }
    }

    /// Takes a tag object apart: the signature stands at the end of its message.
    pub(crate) fn of_tag(object: &[u8]) -> Self {
        let mut start = object.len();
        let mut at = 0;
        for line in object.split_inclusive(|byte| *byte == b'\n') {
            if TAG_SIGNATURES.iter().any(|begin| line.starts_with(begin)) {
                start = at;
            }
            at += line.len();
        }
        let signature = String::from_utf8_lossy(&object[start..]).into_owned();
        Self { payload: object[..start].to_vec(), signature }
    }
}

const SIGNATURE: &[u8] = b"gpgsig ";
/// The signature of the same commit in the other hash algorithm.
const OTHER_SIGNATURE: &[u8] = b"gpgsig-sha256 ";
const TAG_SIGNATURES: &[&[u8]] =
    &[b"-----BEGIN PGP SIGNATURE-----", b"-----BEGIN SSH SIGNATURE-----", b"-----BEGIN SIGNED MESSAGE-----"];

/// Which header a line of a commit belongs to.
#[derive(Clone, Copy)]
enum Within {
    Signature,
    OtherSignature,
    Other,
}

impl Within {
    fn of(line: &[u8]) -> Self {
        match () {
            () if line.starts_with(SIGNATURE) => Self::Signature,
            () if line.starts_with(OTHER_SIGNATURE) => Self::OtherSignature,
            () => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commits_signature_is_no_part_of_what_is_signed() {
        let commit = "tree 1\nauthor a <a> 1 +0000\ngpgsig -----BEGIN X-----\n line\n \n -----END X-----\n\
            encoding utf-8\ngpgsig-sha256 other\n other\n\nsubject\n\ngpgsig not a header\n more\n";
        let signed = Signed::of_commit(commit.as_bytes());
        assert_eq!(signed.signature, "-----BEGIN X-----\nline\n\n-----END X-----\n");
        let payload = String::from_utf8(signed.payload).unwrap();
        assert_eq!(
            payload,
            "tree 1\nauthor a <a> 1 +0000\nencoding utf-8\n\nsubject\n\ngpgsig not a header\n more\n"
        );
        let plain = Signed::of_commit(b"tree 1\nmergetag object 2\n more\n\nsubject");
        assert_eq!(plain.signature, "");
        assert_eq!(plain.payload, b"tree 1\nmergetag object 2\n more\n\nsubject");
    }

    #[test]
    fn a_tags_signature_is_the_last_one_in_it() {
        let tag = "object 1\ntype commit\ntag v1\n\nmessage\n-----BEGIN PGP SIGNATURE-----\nquoted\n\
            -----BEGIN SSH SIGNATURE-----\nreal\n-----END SSH SIGNATURE-----\n";
        let signed = Signed::of_tag(tag.as_bytes());
        assert!(signed.signature.starts_with("-----BEGIN SSH SIGNATURE-----\nreal"));
        assert!(signed.payload.ends_with(b"quoted\n"));
        assert_eq!(Signed::of_tag(b"object 1\n\nmessage\n").signature, "");
    }
}
