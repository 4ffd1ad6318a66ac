//! Splits a list while it arrives: `{"kind":…,"metadata":{…},"items":[{…},{…}]}` into its items.
//!
//! Each item is handed over when its last byte has come, so that 75 MB of pods never exist at once,
//! and so that one item of an unexpected shape costs that item, not its page. Only structure is
//! looked at here (strings, escapes, nesting); the pieces are checked by the JSON decoder.

/// A piece of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// The list's `metadata`.
    Metadata(&'a [u8]),
    /// One of `items`.
    Item(&'a [u8]),
}

/// The bytes are not a JSON object with lists and values where they belong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotAList(&'static str);

/// Items larger than this are not Kubernetes objects (etcd's limit is 1.5 MB).
const LARGEST: usize = 32 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before `{`.
    Start,
    /// In the top object, before a key or `}`.
    Key,
    /// After a key, before `:`.
    Colon,
    /// Before the value of a key.
    Value,
    /// Before an item or `]`.
    Item,
    /// In a value or an item.
    Inside,
    /// After the last `}`.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taking {
    Key,
    Metadata,
    Item,
    Nothing,
}

/// Takes chunks, gives pieces.
#[derive(Debug)]
pub(super) struct Splitter {
    at: At,
    taking: Taking,
    piece: Vec<u8>,
    depth: u32,
    in_string: bool,
    escaped: bool,
    had_items: bool,
}

impl Splitter {
    pub(super) fn new() -> Self {
        Self {
            at: At::Start,
            taking: Taking::Nothing,
            piece: Vec::with_capacity(16 * 1024),
            depth: 0,
            in_string: false,
            escaped: false,
            had_items: false,
        }
    }

    /// Takes the next bytes and hands over every piece they complete.
    pub(super) fn feed(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(Piece<'_>),
    ) -> Result<(), NotAList> {
        let mut rest = chunk;
        while !rest.is_empty() {
            if self.at == At::Inside {
                let (used, complete) = self.inside(rest);
                if self.taking != Taking::Nothing {
                    self.piece.extend_from_slice(&rest[..used]);
                }
                rest = &rest[used..];
                if self.piece.len() > LARGEST {
                    return Err(NotAList("an item of more than 32 MiB"));
                }
                if complete {
                    self.complete(&mut each);
                }
                continue;
            }
            if !rest[0].is_ascii_whitespace() && self.between(rest[0])? {
                continue;
            }
            rest = &rest[1..];
        }
        Ok(())
    }

    /// The list must be whole.
    pub(super) fn finish(&self) -> Result<(), NotAList> {
        match (self.at, self.had_items) {
            (At::End, true) => Ok(()),
            (At::End, false) => Err(NotAList("no list: it has no items")),
            (At::Start, _) => Err(NotAList("nothing")),
            _ => Err(NotAList("cut off in the middle of the list")),
        }
    }

    /// A byte between pieces. True: it belongs to the piece that begins with it.
    fn between(&mut self, byte: u8) -> Result<bool, NotAList> {
        self.at = match (self.at, byte) {
            (At::Start, b'{') => At::Key,
            (At::Key, b',') => At::Key,
            (At::Key, b'}') => At::End,
            (At::Key, b'"') => return Ok(self.begin(Taking::Key)),
            (At::Colon, b':') => At::Value,
            (At::Value, b'[') if self.piece == b"\"items\"" => {
                self.had_items = true;
                At::Item
            }
            (At::Value, _) => {
                // `"items": null` is how Go writes an empty list.
                self.had_items |= self.piece == b"\"items\"";
                let metadata = self.piece == b"\"metadata\"";
                return Ok(self.begin(if metadata {
                    Taking::Metadata
                } else {
                    Taking::Nothing
                }));
            }
            (At::Item, b',') => At::Item,
            (At::Item, b']') => At::Key,
            (At::Item, b'{') => return Ok(self.begin(Taking::Item)),
            (At::Start, _) => return Err(NotAList("not JSON")),
            (At::Item, _) => return Err(NotAList("an item that is no object")),
            (At::Key | At::Colon | At::Inside | At::End, _) => {
                return Err(NotAList("not the JSON of a list"));
            }
        };
        Ok(false)
    }

    fn begin(&mut self, taking: Taking) -> bool {
        self.at = At::Inside;
        self.taking = taking;
        self.piece.clear();
        self.depth = 0;
        true
    }

    fn complete(&mut self, each: &mut impl FnMut(Piece<'_>)) {
        self.at = match self.taking {
            Taking::Key => At::Colon,
            Taking::Metadata => {
                each(Piece::Metadata(&self.piece));
                At::Key
            }
            Taking::Item => {
                each(Piece::Item(&self.piece));
                At::Item
            }
            Taking::Nothing => At::Key,
        };
    }

    /// How many of these bytes belong to the value begun, and whether it ends with them.
    fn inside(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (at, byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return (at + 1, true);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 1 => self.depth -= 1,
                b'}' | b']' if self.depth == 1 => {
                    self.depth = 0;
                    return (at + 1, true);
                }
                // A number, true, false or null ends before what follows it.
                b'}' | b',' if self.depth == 0 => return (at, true),
                _ => {}
            }
        }
        (bytes.len(), false)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn split(text: &str, size: usize) -> Result<(Vec<String>, Option<String>), NotAList> {
        let (mut items, mut metadata) = (Vec::new(), None);
        let mut splitter = Splitter::new();
        for chunk in text.as_bytes().chunks(size) {
            splitter.feed(chunk, |piece| match piece {
                Piece::Item(item) => items.push(String::from_utf8(item.to_vec()).unwrap()),
                Piece::Metadata(meta) => metadata = Some(String::from_utf8(meta.to_vec()).unwrap()),
            })?;
        }
        splitter.finish()?;
        Ok((items, metadata))
    }

    #[test]
    fn every_chunking_gives_the_same_items() {
        let text = r#" {"kind":"PodList", "n": 12, "x":null,"metadata":{"resourceVersion":"7"},
            "items":[{"a":"}\"]"},{"b":[{"c":{}}]} ],"last":true}"#;
        for size in 1..text.len() {
            let (items, metadata) = split(text, size).unwrap();
            assert_eq!(items, [r#"{"a":"}\"]"}"#, r#"{"b":[{"c":{}}]}"#]);
            assert_eq!(metadata.as_deref(), Some(r#"{"resourceVersion":"7"}"#));
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        assert_eq!(split(r#"{"items":null}"#, 3).unwrap().0.len(), 0);
        assert!(split("<html>sign in</html>", 4).is_err());
        assert!(split(r#"{"items":[{"a":1}"#, 4).is_err());
        assert!(split(r#"{"items":[1,2]}"#, 4).is_err());
        assert!(split(r#"{"kind":"Pod","metadata":{}}"#, 4).is_err());
        assert!(split("", 4).is_err());
    }

    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::btree_map(".{0,6}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_objects_come_out_as_they_went_in(
            objects in prop::collection::vec(prop::collection::btree_map(".{0,6}", value(), 0..4), 0..5),
            other in value(),
            size in 1_usize..64,
            pretty in any::<bool>(),
        ) {
            let objects: Vec<serde_json::Value> = objects
                .into_iter()
                .map(|map| serde_json::Value::Object(map.into_iter().collect()))
                .collect();
            let list = serde_json::json!({"aside": other, "items": objects, "metadata": {"continue": "c"}});
            let text = if pretty { serde_json::to_string_pretty(&list) } else { serde_json::to_string(&list) }.unwrap();
            let (items, metadata) = split(&text, size).unwrap();
            let items: Vec<serde_json::Value> = items.iter().map(|item| serde_json::from_str(item).unwrap()).collect();
            prop_assert_eq!(items, objects);
            prop_assert!(metadata.is_some());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1_usize..16) {
            let mut splitter = Splitter::new();
            for chunk in bytes.chunks(size) {
                if splitter.feed(chunk, |_| {}).is_err() {
                    break;
                }
            }
            let _ = splitter.finish();
        }
    }
}
