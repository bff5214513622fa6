//! Workbooks made by hand, sound and broken.

use std::io::{Cursor, Write as _};

use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Fault, Sheet, read};
use crate::manifest::read::{Options, Text, TextError, Texts};

struct Alone;

impl Texts for Alone {
    fn read(&mut self, _by: &str, _path: &str) -> Result<Text, TextError> {
        Err(TextError::Missing)
    }
}

/// The styles of the workbooks here: 0 is none, 1 is `0000`, 2 a date, 3 a clock time.
const STYLES: &str = r#"<styleSheet><numFmts count="1"><numFmt numFmtId="164" formatCode="0000"/></numFmts>
<cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="14"/><xf numFmtId="20"/></cellXfs></styleSheet>"#;

/// Packs parts as they are.
fn pack(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (path, text) in parts {
        writer.start_file(*path, stored).expect("a part");
        writer.write_all(text.as_bytes()).expect("its text");
    }
    writer.finish().expect("a package").into_inner()
}

/// Makes a workbook of sheets: name, state, and the XML within `<worksheet>`.
fn workbook_with(sheets: &[(&str, &str, &str)], shared: &str) -> Vec<u8> {
    let mut list = String::new();
    let mut relations = String::new();
    let mut parts = Vec::new();
    for (at, (name, state, xml)) in sheets.iter().enumerate() {
        list.extend([format!(
            r#"<sheet name="{name}" sheetId="{at}" state="{state}" r:id="r{at}"/>"#
        )]);
        relations.extend([format!(
            r#"<Relationship Id="r{at}" Type="http://x/relationships/worksheet" Target="worksheets/s{at}.xml"/>"#
        )]);
        parts.push((
            format!("xl/worksheets/s{at}.xml"),
            format!("<worksheet>{xml}</worksheet>"),
        ));
    }
    let rels = r#"<Relationships><Relationship Id="a" Type="http://x/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
    let mut all = vec![
        ("_rels/.rels", rels.to_owned()),
        (
            "xl/workbook.xml",
            format!("<workbook><sheets>{list}</sheets></workbook>"),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!("<Relationships>{relations}</Relationships>"),
        ),
        ("xl/styles.xml", STYLES.to_owned()),
        ("xl/sharedStrings.xml", shared.to_owned()),
    ];
    all.extend(
        parts
            .iter()
            .map(|(path, text)| (path.as_str(), text.clone())),
    );
    let all: Vec<(&str, &str)> = all
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect();
    pack(&all)
}

/// Makes a workbook of one sheet.
fn workbook(rows: &str) -> Vec<u8> {
    let xml = format!("<sheetData>{rows}</sheetData>");
    workbook_with(&[("Shots", "visible", &xml)], "<sst/>")
}

fn text(rows: &str) -> Result<String, String> {
    read(&workbook(rows), None)
        .map(|sheet| sheet.text)
        .map_err(|fault| fault.complaint(None).message)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Writes a cell of text at an address.
fn inline(address: &str, text: &str) -> String {
    let text = escaped(text);
    format!(r#"<c r="{address}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>"#)
}

#[test]
fn cells_say_what_a_person_sees() {
    let rows = format!(
        r#"<row r="1">{}{}</row>
        <row r="3"><c r="A3" s="1"><v>10</v></c><c r="B3"><v>35</v></c><c r="C3" s="2"><v>45943</v></c>
        <c r="D3" s="3"><v>0.6729166666666667</v></c><c r="E3" t="b"><v>1</v></c><c r="F3" t="e"><v>#REF!</v></c>
        <c r="G3" t="str"><f>A1&amp;"x"</f><v>say "hi", he said</v></c></row>"#,
        inline("A1", "id"),
        inline("C1", "two\nlines"),
    );
    assert_eq!(
        text(&rows),
        Ok("id,,\"two\nlines\",,,,\n\n0010,35,2025-10-13,16:09,TRUE,#REF!,\"say \"\"hi\"\", he said\"\n".to_owned())
    );
}

#[test]
fn a_cell_of_many_lines_is_no_forgotten_quote_and_is_read_again_as_it_was() {
    let rows = format!(
        "<row>{}{}</row><row>{}{}</row><row>{}{}</row>",
        inline("A1", "id"),
        inline("B1", "prompt"),
        inline("A2", "0010"),
        inline("B2", "a pier\n0020,a list in a note"),
        inline("A3", "0030"),
        inline("B3", "a \"boat\""),
    );
    let root = Text {
        path: "a.xlsx".to_owned(),
        bytes: workbook(&rows),
    };
    let read = crate::manifest::read::read(root, &mut Alone, &Options::default());
    let complaints: Vec<_> = read.complaints.iter().filter(|c| c.is_error()).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    let shots = read.manifest.expect("a manifest").shots;
    let prompt = |at| {
        shots
            .get(at)?
            .layer
            .prompt
            .as_ref()
            .map(|prompt| prompt.value.clone())
    };
    assert_eq!(prompt(0).as_deref(), Some("a pier\n0020,a list in a note"));
    assert_eq!(prompt(1).as_deref(), Some("a \"boat\""));
    assert_eq!(shots.len(), 2);
}

#[test]
fn errors_without_a_name_stay_in_their_cells() {
    let rows = r#"<row r="1"><c r="A1" t="e"><v>#N/A</v></c><c r="B1" t="e"><v>#SPILL!</v></c><c r="C1" t="e"><v/></c>
        <c r="D1" t="e"><v>#NEW!</v></c><c r="E1"><v>1</v></c></row><row r="2"><c r="A2" t="e"><v>#CALC!</v></c></row>"#;
    assert_eq!(
        text(rows),
        Ok("#N/A,#SPILL!,,#ERROR!,1\n#CALC!,,,,\n".to_owned())
    );
}

#[test]
fn cells_without_addresses_follow_one_another() {
    let rows = "<row><c><v>1</v></c><c/><c><v>2</v></c></row><row/><row><c><v>3</v></c></row>";
    assert_eq!(text(rows), Ok("1,,2\n\n3,,\n".to_owned()));
}

#[test]
fn shared_texts_are_found() {
    let shared = "<sst count=\"3\" uniqueCount=\"3\"><si/><si><r><t>a</t></r><r><t xml:space=\"preserve\"> b</t></r>\
        <rPh><t>x</t></rPh></si><si><t>c &amp; d</t></si></sst>";
    let xml = r#"<sheetData><row r="1"><c r="A1" t="s"><v>1</v></c><c r="B1" t="s"><v>0</v></c><c r="C1" t="s"><v>2</v></c></row></sheetData>"#;
    let sheet = read(&workbook_with(&[("A", "visible", xml)], shared), None).expect("a sheet");
    assert_eq!(sheet.text, "a b,,c & d\n");
}

#[test]
fn what_is_out_of_place_is_refused() {
    for rows in [
        r#"<row r="2"><c r="A2"><v>1</v></c></row><row r="1"><c r="A1"><v>2</v></c></row>"#,
        r#"<row r="1"><c r="B1"><v>1</v></c><c r="A1"><v>2</v></c></row>"#,
        r#"<row r="1"><c r="A1"><v>1</v></c><c r="A1"><v>2</v></c></row>"#,
        r#"<row r="1"><c r="A2"><v>1</v></c></row>"#,
        r#"<row r="1"><c r="A4294967297"><v>1</v></c></row>"#,
        r#"<row r="1"><c r="ZZZ1"><v>1</v></c></row>"#,
        r#"<row r="1"><c r="AAAAAAAAAAAA1"><v>1</v></c></row>"#,
        r#"<row r="0"><c r="A0"><v>1</v></c></row>"#,
        r#"<row r="99999999"><c><v>1</v></c></row>"#,
        r#"<row r="1"><c r="A1" t="s"><v>7</v></c></row>"#,
        r#"<row r="1"><c r="A1"><f>1+1</f></c></row>"#,
        r#"<row r="1"><c r="A1" t="inlineStr"><is><t>a_x0000_b</t></is></c></row>"#,
        r#"<row r="1"><c r="A1"><v>1</v></c></row></sheetData><mergeCells><mergeCell ref="B2:A1"/></mergeCells>"#,
    ] {
        let read = text(rows);
        assert!(
            read.as_ref().is_err_and(|why| why.contains("damaged")),
            "{rows}: {read:?}"
        );
    }
    let xml = r#"<dimension ref="B2:A1"/><sheetData/>"#;
    let read = read(&workbook_with(&[("A", "visible", xml)], "<sst/>"), None);
    assert!(matches!(read, Err(Fault::Damaged(_))), "{read:?}");
}

#[test]
fn a_promise_of_memory_is_not_believed() {
    let shared = r#"<sst uniqueCount="99999999999999"/>"#;
    let xml = r#"<sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData>"#;
    let read = read(&workbook_with(&[("A", "visible", xml)], shared), None);
    assert!(matches!(read, Err(Fault::Damaged(_))), "{read:?}");
}

#[test]
fn a_text_out_of_all_proportion_is_refused() {
    for (open, close) in [
        ("<!--", "-->"),
        ("<x a=\"", "\"/>"),
        ("", ""),
        ("<![CDATA[", "]]>"),
    ] {
        let xml = format!(
            "<sheetData/>{open}{}{close}",
            " <".repeat(9 << 20)
                .replace('<', if open.starts_with("<!") { "<" } else { " " })
        );
        let read = read(&workbook_with(&[("A", "visible", &xml)], "<sst/>"), None);
        let Err(Fault::Damaged(why)) = read else {
            panic!("{open}: {read:?}");
        };
        assert!(why.contains("out of all proportion"), "{open}: {why}");
    }
}

#[test]
fn sheets_are_chosen_by_name_or_the_first_that_is_seen() {
    let of = |number: u32| {
        format!(r#"<sheetData><row r="1"><c r="A1"><v>{number}</v></c></row></sheetData>"#)
    };
    let (one, two, three) = (of(1), of(2), of(3));
    let bytes = workbook_with(
        &[
            ("Old", "hidden", &one),
            ("Shots &amp; more", "visible", &two),
            ("Notes", "visible", &three),
        ],
        "<sst/>",
    );
    let read = |name| read(&bytes, name);
    let first = read(None).expect("the first");
    assert_eq!(
        (first.name.as_str(), first.text.as_str()),
        ("Shots & more", "2\n")
    );
    assert_eq!(first.notes[0].0, "first-sheet");
    let chosen = |name| read(Some(name)).map(|sheet: Sheet| (sheet.text, sheet.notes.len()));
    assert_eq!(
        chosen("Old").expect("hidden, but named"),
        ("1\n".to_owned(), 0)
    );
    assert_eq!(
        chosen("notes ").expect("near enough"),
        ("3\n".to_owned(), 0)
    );
    let Err(fault) = read(Some("Nots")) else {
        panic!("there is no such sheet");
    };
    let complaint = fault.complaint(Some("Nots"));
    assert_eq!(
        complaint.help.as_deref(),
        Some("write `#Notes` after the file's name")
    );
}

#[test]
fn merged_cells_give_their_value_to_each_row_that_says_something() {
    let rows = r#"<row r="1"><c r="A1"><v>7</v></c><c r="B1"><v>1</v></c></row><row r="2" hidden="1"><c r="B2"><v>2</v></c></row>
        <row r="3"><c r="A3"/></row><row r="4"><c r="B4"><v>4</v></c></row>"#;
    let xml = format!(
        r#"<sheetData>{rows}</sheetData><mergeCells><mergeCell ref="A1:A3"/></mergeCells>"#
    );
    let sheet = read(&workbook_with(&[("A", "visible", &xml)], "<sst/>"), None).expect("a sheet");
    assert_eq!(sheet.text, "7,1\n7,2\n\n,4\n");
    let codes: Vec<&str> = sheet.notes.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, ["hidden-rows", "merged-cells"]);
}

#[test]
fn other_files_are_told_apart() {
    let why = |bytes: &[u8]| match read(bytes, None) {
        Err(Fault::Other(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(why(b"id,prompt\n").contains("no Excel workbook"));
    assert!(why(b"\xd0\xcf\x11\xe0\xa1\xb1").contains("old kind"));
    assert!(why(b"").contains("no Excel workbook"));
    assert!(matches!(read(b"PK\x03\x04", None), Err(Fault::Damaged(_))));
    assert!(matches!(
        read(&pack(&[("a.txt", "x")]), None),
        Err(Fault::Damaged(_))
    ));
}

/// What a sheet's text holds, cell by cell.
fn cells(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let rows = reader.records().map(|row| row.expect("a row"));
    rows.map(|row| row.iter().map(str::to_owned).collect())
        .collect()
}

proptest! {
    #[test]
    fn every_value_stays_in_its_row_and_column(
        table in proptest::collection::vec(
            proptest::collection::vec("[a-c\",;= <&é\n]{0,5}x", 3), 1..6),
    ) {
        let mut rows = String::new();
        for (at, row) in table.iter().enumerate() {
            let cells = row.iter().zip(["B", "D", "AA"]);
            let cells: String = cells.map(|(text, column)| inline(&format!("{column}{}", at + 1), text)).collect();
            rows.extend([format!(r#"<row r="{}">{cells}</row>"#, at + 1)]);
        }
        let read = text(&rows).expect("a sound sheet");
        for (row, expected) in cells(&read).iter().zip(&table) {
            let found = [&row[1], &row[3], &row[26]];
            for (found, expected) in found.into_iter().zip(expected) {
                prop_assert_eq!(found, expected);
            }
            prop_assert_eq!(row.iter().filter(|cell| !cell.is_empty()).count(), 3);
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _answer = read(&bytes, None);
        let mut packed = b"PK\x03\x04".to_vec();
        packed.extend(bytes);
        let _answer = read(&packed, None);
    }

    #[test]
    fn any_damage_is_answered(at in 0usize..4000, byte in any::<u8>(), cut in 0usize..4000) {
        let rows = r#"<row r="1" hidden="1"><c r="A1" s="1"><v>10</v></c><c r="B1" t="s"><v>0</v></c></row>"#;
        let xml = format!(r#"<dimension ref="A1:B1"/><sheetData>{rows}</sheetData><mergeCells><mergeCell ref="A1:A2"/></mergeCells>"#);
        let mut bytes = workbook_with(&[("A", "visible", &xml)], "<sst uniqueCount=\"1\"><si><t>a</t></si></sst>");
        let at = at % bytes.len();
        bytes[at] = byte;
        let _answer = read(&bytes, None);
        let _answer = read(&bytes[..cut.min(bytes.len())], Some("A"));
    }

    #[test]
    fn any_sheet_is_answered(
        xml in "(<row( r=\"[0-9A]{0,9}\")?>|</row>|<c( r=\"[A-Z]{0,4}[0-9]{0,8}\")?( s=\"[0-9]{0,3}\")?( t=\"(s|b|e|d|n|str|inlineStr|x)\")?>|</c>|<v>[0-9.#A-Z!-]{0,6}</v>|<f>1</f>|<is><t>a</t></is>|<v/>|&#0;|<dimension ref=\"[A-C0-9:]{0,6}\"/>|<sheetData>|</sheetData>|<mergeCell ref=\"[A-C]{0,2}[0-9]{0,3}:[A-C][0-9]\"/>){0,14}",
    ) {
        let _answer = text(&xml);
        let _answer = read(&workbook_with(&[("A", "visible", &xml)], "<sst/>"), None);
    }

    #[test]
    fn any_package_is_answered(
        styles in "(<(styleSheet|numFmts|numFmt|fonts|font|fills|fill|borders|border|cellXfs|xf|color)( (count|numFmtId|fontId|fillId|formatCode|rgb|theme|indexed|tint)=\"[0-9A-F;.#\\[-]{0,8}\")?/?>|</(numFmts|fonts|fills|cellXfs|styleSheet|font)>){0,12}",
        shared in "(<(sst|si|t|r|rPh)( uniqueCount=\"[0-9-]{0,20}\")?/?>|</(sst|si|t|r|rPh)>|a|&amp;|&x;|_x0041_){0,12}",
    ) {
        let parts = [
            ("_rels/.rels", r#"<Relationships><Relationship Id="a" Type="/relationships/officeDocument" Target="w.xml"/></Relationships>"#),
            ("w.xml", r#"<workbook><sheets><sheet name="A" r:id="b"/></sheets></workbook>"#),
            ("_rels/w.xml.rels", r#"<Relationships><Relationship Id="b" Type="/worksheet" Target="s.xml"/></Relationships>"#),
            ("s.xml", r#"<worksheet><sheetData><row r="1"><c r="A1" s="1" t="s"><v>0</v></c></row></sheetData></worksheet>"#),
            ("styles.xml", styles.as_str()),
            ("sharedStrings.xml", shared.as_str()),
        ];
        let _answer = read(&pack(&parts), None);
    }
}
