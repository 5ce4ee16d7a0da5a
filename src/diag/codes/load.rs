//! Codes of reading files and JSON texts (01xx) and of the content of a model (02xx).

super::codes! {
    UNKNOWN_FORMAT = "E0101", "unknown model format",
        "The content of the file matches none of the model formats that m2ksql reads. `m2ksql formats` lists them with \
         what each is recognized by. A pickle or joblib file has to be exported first: `m2ksql exporter sklearn` prints \
         a script that does it.";
    NOT_JSON = "E0102", "not JSON",
        "The text is not valid JSON. The place where reading stopped is shown; the mistake is there or just before. \
         Common causes: a comma after the last item, single quotes, a comment.";
}
