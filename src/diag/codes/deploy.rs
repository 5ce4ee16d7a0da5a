//! Codes of deployment (09xx): what a server, or the plan for it, does not allow.

super::codes! {
    REFUSED = "E0901", "statement refused",
        "The server does not accept the statement: it does not parse, names what is not there, or asks for what ksqlDB \
         cannot do. Nothing has changed. The message is the server's own; the caret stands where the server says.";
}
