//! Rows from a file, from standard input, or generated. A row that cannot be read is an error with its line; the
//! next one is read all the same.

use super::generate;
use csv::{ByteRecord, ReaderBuilder};
use dsl_examples::incident::{Line, Substatus, UnknownSubstatus};
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// One line of the log.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Row {
    /// Counted from 1, bad rows included: it is the command id.
    pub(crate) number: u64,
    pub(crate) case: String,
    pub(crate) time: Timestamp,
    pub(crate) to: Substatus,
    pub(crate) by: Line,
}

/// The log cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("cannot open `{}`", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("cannot read the header of the log")]
    Header(#[source] csv::Error),
    #[error(
        "the log has no column `{0}`: its header must name case, time, status, substatus, line and country"
    )]
    Column(&'static str),
}

/// A row that is left out.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {why}")]
pub(crate) struct BadRow {
    pub(crate) line: u64,
    #[source]
    pub(crate) why: BadWhy,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum BadWhy {
    #[error("column `{0}` is missing")]
    Missing(&'static str),
    #[error("column `{0}` is not UTF-8")]
    Utf8(&'static str),
    #[error("`{0}` is no time of the form 2013-05-01T12:00:00Z")]
    Time(String),
    #[error(transparent)]
    Substatus(#[from] UnknownSubstatus),
    #[error("the log ends here: {0}")]
    Broken(csv::Error),
}

/// An open log.
pub(crate) enum Input {
    Csv(Box<CsvRows>),
    Generated(std::vec::IntoIter<Row>),
}

impl Input {
    pub(crate) fn open(path: Option<&Path>, seed: u64) -> Result<Self, InputError> {
        let Some(path) = path else { return Ok(Self::Generated(generate::month(seed).into_iter())) };
        let raw: Box<dyn Read + Send> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).map_err(|source| InputError::Open { path: path.to_owned(), source })?)
        };
        let mut raw = BufReader::new(raw);
        let zipped = raw.fill_buf().is_ok_and(|start| start.starts_with(&[0x1f, 0x8b]));
        let text: Box<dyn Read + Send> =
            if zipped { Box::new(MultiGzDecoder::new(raw)) } else { Box::new(raw) };
        CsvRows::new(text).map(|rows| Self::Csv(Box::new(rows)))
    }

    /// How many rows there will be, if that is known.
    pub(crate) fn len(&self) -> Option<u64> {
        match self {
            Self::Csv(_) => None,
            Self::Generated(rows) => Some(rows.len() as u64),
        }
    }
}

impl Iterator for Input {
    type Item = Result<Row, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Csv(rows) => rows.next(),
            Self::Generated(rows) => rows.next().map(Ok),
        }
    }
}

const COLUMNS: [&str; 6] = ["case", "time", "status", "substatus", "line", "country"];

pub(crate) struct CsvRows {
    reader: csv::Reader<Box<dyn Read + Send>>,
    places: [usize; 6],
    number: u64,
    ended: bool,
}

impl CsvRows {
    fn new(text: Box<dyn Read + Send>) -> Result<Self, InputError> {
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(text);
        let header = reader.byte_headers().map_err(InputError::Header)?;
        let mut places = [0; 6];
        for (place, column) in places.iter_mut().zip(COLUMNS) {
            let found = header.iter().position(|name| name.trim_ascii() == column.as_bytes());
            *place = found.ok_or(InputError::Column(column))?;
        }
        Ok(Self { reader, places, number: 0, ended: false })
    }

    fn row(&self, record: &ByteRecord) -> Result<Row, BadWhy> {
        let field = |n: usize| {
            let bytes =
                self.places.get(n).and_then(|place| record.get(*place)).ok_or(BadWhy::Missing(COLUMNS[n]))?;
            std::str::from_utf8(bytes).map_err(|_| BadWhy::Utf8(COLUMNS[n]))
        };
        let (case, time) = (field(0)?.to_owned(), field(1)?);
        if case.is_empty() {
            return Err(BadWhy::Missing(COLUMNS[0]));
        }
        let time = time.parse().map_err(|_| BadWhy::Time(time.to_owned()))?;
        let to = Substatus::named(field(2)?, field(3)?)?;
        let by = Line { line: field(4)?.to_owned(), country: field(5)?.to_owned() };
        Ok(Row { number: self.number, case, time, to, by })
    }
}

impl Iterator for CsvRows {
    type Item = Result<Row, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let mut record = ByteRecord::new();
        match self.reader.read_byte_record(&mut record) {
            Ok(false) => None,
            Ok(true) => {
                self.number += 1;
                let line = record.position().map_or(0, csv::Position::line);
                Some(self.row(&record).map_err(|why| BadRow { line, why }))
            }
            Err(error) => {
                // A stream that broke once, a truncated gzip say, delivers nothing more.
                self.ended = true;
                Some(Err(BadRow { line: self.reader.position().line(), why: BadWhy::Broken(error) }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::{Cursor, Write};

    const HEADER: &str = "case,time,status,substatus,impact,product,line,country\n";
    const GOOD: &str = "1,2010-03-31T14:59:42Z,Accepted,In Progress,Medium,P,A2,France\n";

    fn read(bytes: Vec<u8>) -> Vec<Result<Row, BadRow>> {
        CsvRows::new(Box::new(Cursor::new(bytes))).expect("the header is whole").collect()
    }

    #[test]
    fn a_bad_row_costs_itself_and_says_its_line() {
        let bad = [
            (
                "1,2010-03-31T14:59:42Z,Accepted,Sleeping,M,P,A2,France\n",
                "line 3: unknown status `Accepted` / `Sleeping`",
            ),
            (
                "1,yesterday,Accepted,In Progress,M,P,A2,France\n",
                "line 3: `yesterday` is no time of the form 2013-05-01T12:00:00Z",
            ),
            ("1,2010-03-31T14:59:42Z,Accepted\n", "line 3: column `substatus` is missing"),
        ];
        for (row, message) in bad {
            let rows = read(format!("{HEADER}{GOOD}{row}{GOOD}").into_bytes());
            assert_eq!(rows.len(), 3);
            assert_eq!(rows[1].as_ref().expect_err("it is bad").to_string(), message);
            assert_eq!(rows[2].as_ref().expect("it is good").number, 3);
        }
    }

    #[test]
    fn invalid_utf_8_is_a_bad_row() {
        let mut bytes = format!("{HEADER}{GOOD}").into_bytes();
        bytes.extend(b"\xff\xfe,2010-03-31T14:59:42Z,Accepted,In Progress,M,P,A2,France\n");
        assert_eq!(
            read(bytes)[1].as_ref().expect_err("it is bad").to_string(),
            "line 3: column `case` is not UTF-8"
        );
    }

    #[test]
    fn a_truncated_gzip_gives_its_whole_rows_and_one_error() {
        let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
        zip.write_all(HEADER.as_bytes()).expect("memory");
        for n in 0..20_000 {
            writeln!(zip, "{n},2010-03-31T14:59:42Z,Accepted,In Progress,M,P,{},x", n * n).expect("memory");
        }
        let mut bytes = zip.finish().expect("memory");
        bytes.truncate(bytes.len() / 2);
        let rows: Vec<_> = CsvRows::new(Box::new(MultiGzDecoder::new(Cursor::new(bytes))))
            .expect("the header is whole")
            .collect();
        let (last, before) = rows.split_last().expect("rows");
        assert!(before.len() > 1_000 && before.iter().all(Result::is_ok));
        assert!(last.as_ref().expect_err("it is cut off").to_string().contains("the log ends here"));
    }

    #[test]
    fn a_log_without_a_column_is_refused() {
        let refused =
            CsvRows::new(Box::new(Cursor::new(b"case,time\n".to_vec()))).err().expect("columns are missing");
        assert!(refused.to_string().contains("no column `status`"));
    }
}
