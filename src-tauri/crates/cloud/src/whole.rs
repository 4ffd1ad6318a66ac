//! Whether an answer is whole. A body that ends early is an error of its own when its length was
//! announced; when it was not, the SDK's XML reader takes a list that stops in the middle for a
//! complete one, and an empty body for an answer without members. Both would be facts that are not.

use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

/// Why an answer is not whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The connection ended before the body did.
    #[error("the answer was cut off")]
    CutOff(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The XML stops before its root element is closed, or closes what is not open.
    #[error("the answer's XML is not well formed")]
    Unclosed,
    /// There is no body where there must be one.
    #[error("the answer is empty")]
    Empty,
    /// It is larger than any answer to a read.
    #[error("the answer is too large")]
    TooLarge,
    /// An error, told as a success: without its members it would pass for an empty list.
    #[error("the answer is an error told as a success")]
    Error,
}

/// More than any page of a read: the largest documented are a few MiB.
const LARGEST: usize = 64 * 1024 * 1024;

/// Reads the body to its end.
pub(crate) async fn read(body: SdkBody) -> Result<Vec<u8>, Broken> {
    let mut stream = ByteStream::new(body);
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Broken::CutOff(error.into()))?;
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST {
            return Err(Broken::TooLarge);
        }
    }
    Ok(bytes)
}

/// Checks the body of a successful answer to a read.
pub(crate) fn check(body: &[u8]) -> Result<(), Broken> {
    let Some(first) = body.iter().find(|byte| !byte.is_ascii_whitespace()) else {
        return Err(Broken::Empty);
    };
    match std::str::from_utf8(body) {
        Ok(text) if *first == b'<' && !is_well_nested(text) => Err(Broken::Unclosed),
        _ if is_error(body) => Err(Broken::Error),
        _ => Ok(()),
    }
}

/// Whether a JSON or CBOR answer is an error (`__type`, as the AWS JSON and Smithy RPC v2 CBOR
/// protocols write it). XML errors have a root of their own, which the SDK's reader sees.
fn is_error(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Top {
        #[serde(rename = "__type")]
        kind: Option<serde::de::IgnoredAny>,
    }
    const KEY: &[u8] = b"__type";
    /// A CBOR map's head (one byte: at most 23 members, or of unknown length) and the key's.
    const CBOR_KEY: &[u8] = b"\x66__type";
    if !body.windows(KEY.len()).any(|window| window == KEY) {
        return false;
    }
    body.get(1..).is_some_and(|rest| rest.starts_with(CBOR_KEY))
        || serde_json::from_slice::<Top>(body).is_ok_and(|top| top.kind.is_some())
}

/// Whether every element that opens also closes, in order, up to the root.
fn is_well_nested(text: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    let mut any = false;
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        let (skip, end) = match () {
            () if rest.starts_with("<!--") => (true, "-->"),
            () if rest.starts_with("<![CDATA[") => (true, "]]>"),
            () if rest.starts_with("<?") || rest.starts_with("<!") => (true, ">"),
            () => (false, ">"),
        };
        let Some(length) = rest.find(end) else {
            return false;
        };
        let tag = &rest[1..length];
        rest = &rest[length + end.len()..];
        if skip {
            continue;
        }
        any = true;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name.trim_end()) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.push(tag.split_ascii_whitespace().next().unwrap_or(tag));
        }
    }
    any && open.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_whole_when_its_root_is_closed() {
        let whole =
            "<?xml version=\"1.0\"?>\n<!-- > --><a x=\"1\"><b/><c>t</c ><![CDATA[<d>]]></a>\n";
        assert!(check(whole.as_bytes()).is_ok());
        for cut in whole
            .char_indices()
            .map(|(at, _)| at)
            .filter(|at| (1..whole.len() - 1).contains(at))
        {
            assert!(
                check(&whole.as_bytes()[..cut]).is_err(),
                "{}",
                &whole[..cut]
            );
        }
        assert!(matches!(check(b"<a><b></a></b>"), Err(Broken::Unclosed)));
    }

    #[test]
    fn json_and_cbor_are_left_to_their_parsers_but_nothing_is_no_answer() {
        assert!(check(b"{\"QueueUrls\":[").is_ok());
        assert!(check(&[0xbf, 0xff]).is_ok());
        assert!(matches!(check(b" \n"), Err(Broken::Empty)));
    }

    #[test]
    fn an_error_told_as_a_success_is_no_empty_list() {
        let error = check(b"{\"__type\":\"InternalFailure\",\"message\":\"sorry\"}");
        assert!(matches!(error, Err(Broken::Error)));
        assert!(matches!(check(b"\xa1\x66__type\x61x"), Err(Broken::Error)));
        assert!(check(b"{\"QueueUrls\":[\"__type\"]}").is_ok());
        assert!(check(b"{\"a\":{\"__type\":1}}").is_ok());
    }
}
