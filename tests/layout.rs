//! How expressions are laid out, at a width at which something has to break.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use m2ksql::diag::{Report, Sources};
use m2ksql::sql::ast::{Expr, Item, Name};
use m2ksql::sql::print::{self, Quote, Style};
use m2ksql::syntax;

fn read(text: &str) -> Expr {
    let source = Sources::new().add("<test>", text);
    let mut report = Report::new();
    syntax::expression(source, text, &mut report).unwrap_or_else(|_| panic!("{:?}", report.diagnostics()))
}

fn item(expr: Expr, alias: &str) -> Item {
    Item::Expr { comments: Vec::new(), expr, alias: Some(Name::new(alias)) }
}

/// The expression as an item of 60 columns.
fn assert_layout(text: &str, expected: &str) {
    let style = Style { width: 60, ..Style::default() };
    assert_eq!(print::items(&[item(read(text), "P")], style), expected.trim_matches('\n'), "\n{text}");
}

#[test]
fn what_fits_stands_on_one_line() {
    assert_layout("1E0/(1E0+exp(-1E1*orderunits-2E0))", "1E0 / (1E0 + EXP(-1E1 * ORDERUNITS - 2E0)) AS P");
    assert_layout("case when a<=5E-1 then 1 else 2 end", "CASE WHEN A <= 5E-1 THEN 1 ELSE 2 END AS P");
}

#[test]
fn a_sum_has_one_operand_a_line() {
    assert_layout(
        "1E0 / (1E0 + EXP(-1.25E0 * MEAN_RADIUS - 3.5E-1 * MEAN_TEXTURE + 2E0 - -1E0))",
        "
1E0 / (1E0 + EXP(
    -1.25E0 * MEAN_RADIUS
  - 3.5E-1 * MEAN_TEXTURE
  + 2E0
  - -1E0
)) AS P
",
    );
    assert_layout(
        "-1.25E0 * MEAN_RADIUS - 3.5E-1 * MEAN_TEXTURE + 2E0 * EXP(3.5E-1 * WORST_TEXTURE + 2.5E0 * AREA + 1E0)",
        "
-1.25E0 * MEAN_RADIUS
  - 3.5E-1 * MEAN_TEXTURE
  + 2E0 * EXP(3.5E-1 * WORST_TEXTURE + 2.5E0 * AREA + 1E0)
  AS P
",
    );
    assert_layout(
        "CAST(1E0 * AAAAAAAAAA + 2E0 * BBBBBBBBBBBBBBB + 3E0 * CCCCCC AS DOUBLE) + CAST(3E0 * A + 4E0 * B AS DOUBLE)",
        "
CAST(
    1E0 * AAAAAAAAAA
  + 2E0 * BBBBBBBBBBBBBBB
  + 3E0 * CCCCCC
AS DOUBLE)
  + CAST(3E0 * A + 4E0 * B AS DOUBLE)
  AS P
",
    );
}

#[test]
fn case_has_one_arm_a_line() {
    assert_layout(
        "CASE WHEN -1.25E0 * MEAN_RADIUS - 3.5E-1 * MEAN_TEXTURE + 2E0 > 0E0 THEN 'malignant' ELSE 'benign' END",
        "
CASE
  WHEN (
      -1.25E0 * MEAN_RADIUS
    - 3.5E-1 * MEAN_TEXTURE
    + 2E0
  ) > 0E0 THEN 'malignant'
  ELSE 'benign'
END AS P
",
    );
    assert_layout(
        "CASE WHEN A <= 1E0 THEN CASE WHEN B <= 2E0 THEN 1E0 ELSE 2E0 END ELSE 3E0 END",
        "
CASE
  WHEN A <= 1E0 THEN CASE
    WHEN B <= 2E0 THEN 1E0
    ELSE 2E0
  END
  ELSE 3E0
END AS P
",
    );
    assert_layout(
        "CASE WHEN FIRST_COLUMN IS NULL OR SECOND_COLUMN IS NULL OR THIRD_COLUMN IS NULL THEN CAST(NULL AS DOUBLE) ELSE 1E0 END",
        "
CASE
  WHEN
    FIRST_COLUMN IS NULL
    OR SECOND_COLUMN IS NULL
    OR THIRD_COLUMN IS NULL
  THEN CAST(NULL AS DOUBLE)
  ELSE 1E0
END AS P
",
    );
}

#[test]
fn calls_keep_their_head_on_the_line() {
    assert_layout(
        "REDUCE(ARRAY[A * B + 3E0], 0E0, (_S, _Z) => CASE WHEN _Z > B THEN A WHEN _Z < A THEN B ELSE 0E0 END)",
        "
REDUCE(ARRAY[A * B + 3E0], 0E0, (_S, _Z) => CASE
  WHEN _Z > B THEN A
  WHEN _Z < A THEN B
  ELSE 0E0
END) AS P
",
    );
    assert_layout(
        "REDUCE(ARRAY[ARRAY[1.5E0 * A - 5E-1 * B + 1E-1, -7.5E-1 * A + 2E0 * B, 2.5E-1 * A]], ARRAY[0E0], \
         (_S, _Z) => TRANSFORM(_Z, _A => 1E0 / _A))",
        "
REDUCE(
  ARRAY[ARRAY[
    1.5E0 * A - 5E-1 * B + 1E-1,
    -7.5E-1 * A + 2E0 * B,
    2.5E-1 * A
  ]],
  ARRAY[0E0],
  (_S, _Z) => TRANSFORM(_Z, _A => 1E0 / _A)
) AS P
",
    );
    assert_layout(
        "S IN ('aaaaaaaaaaaa', 'baaaaaaaaa', 'c', 'ddddddddddd', 'eeeeeeeeee', 'f', 'gggg', 'h', 'i', 'j')",
        "
S IN (
  'aaaaaaaaaaaa', 'baaaaaaaaa', 'c', 'ddddddddddd',
  'eeeeeeeeee', 'f', 'gggg', 'h', 'i', 'j'
)
  AS P
",
    );
}

#[test]
fn comments_stand_above_what_they_are_about() {
    let commented = |comment: &str, text: &str| Expr::Commented(vec![comment.to_owned()], Box::new(read(text)));
    let Expr::Chain(first, mut rest) = read("A + B * 2E0 - C") else { panic!("not a chain") };
    rest[0].1 = commented("about b", "B * 2E0");
    rest[1].1 = commented("", "C");
    let sum = Expr::Chain(Box::new(Expr::Commented(vec!["about a\n\nmore".into()], first)), rest);
    let call = Expr::call("EXP", vec![sum.clone()]);
    let style = Style::default();
    assert_eq!(
        print::items(&[item(call.clone(), "P"), item(read("X"), "Q")], style),
        "EXP(\n  -- about a\n  -- more\n    A\n  -- about b\n  + B * 2E0\n  - C\n) AS P,\nX AS Q"
    );
    assert_eq!(print::expression(&call, Style { compact: true, ..style }), "EXP(A+B*2E0-C)");
    for expr in [sum, call] {
        assert_eq!(read(&print::expression(&expr, style)).depth() + 1, expr.depth());
    }
}

#[test]
fn minus_signs_never_make_a_comment() {
    for (text, spaced, compact) in [
        ("A - -1E0", "A - -1E0", "A- -1E0"),
        ("-(-A)", "-(-A)", "-(-A)"),
        ("- -5", "-(-5)", "-(-5)"),
        ("-(5)", "-(5)", "-(5)"),
        ("-(5[1])", "-(5[1])", "-(5[1])"),
        ("A-(-B)*C", "A - -B * C", "A- -B*C"),
        ("A - (B - C)", "A - (B - C)", "A-(B-C)"),
        ("A - -0E0", "A - -0E0", "A- -0E0"),
        ("A - -.5", "A - -0.5", "A- -0.5"),
    ] {
        let expr = read(text);
        assert_eq!(print::expression(&expr, Style::default()), spaced);
        assert_eq!(print::expression(&expr, Style { compact: true, ..Style::default() }), compact);
        assert_eq!(read(compact), expr);
    }
}

#[test]
fn names_are_quoted_where_needed_or_always() {
    let expr = read("TRANSFORM(`lower`->SIZE_, _X => _X + SIZE1 + `SIZE` + S.`a b` + \"we`ird\")");
    assert_eq!(
        print::expression(&expr, Style::default()),
        "TRANSFORM(`lower`->SIZE_, _X => _X + SIZE1 + `SIZE` + S.`a b` + `we``ird`)"
    );
    assert_eq!(
        print::expression(&expr, Style { quote: Quote::Always, ..Style::default() }),
        "TRANSFORM(`lower`->`SIZE_`, _X => _X + `SIZE1` + `SIZE` + `S`.`a b` + `we``ird`)"
    );
}

#[test]
fn no_line_is_longer_than_it_must_be() {
    let terms: Vec<String> = (0..50).map(|index| format!("{index}.5E0 * FEATURE_{index}")).collect();
    let sum = terms.join(" + ");
    for text in [
        format!("EXP({sum})"),
        format!("CASE WHEN {sum} > 0E0 THEN {sum} ELSE {sum} END"),
        format!("ARRAY[{sum}, {sum}]"),
    ] {
        for width in [40, 60, 100] {
            let printed = print::expression(&read(&text), Style { width, ..Style::default() });
            let longest = printed.lines().map(str::len).max().unwrap_or(0);
            assert!(longest <= width, "{longest} > {width}\n{printed}");
            assert!(printed.lines().all(|line| line.trim_end() == line && !line.is_empty()), "{printed}");
        }
    }
}
