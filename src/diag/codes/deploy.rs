//! Codes of deployment (09xx): what a server, or the plan for it, does not allow.

super::codes! {
    REFUSED = "E0901", "statement refused",
        "The server does not accept the statement: it does not parse, names what is not there, or asks for what ksqlDB \
         cannot do. Nothing has changed. The message is the server's own; the caret stands where the server says.";
    NOT_IN_PLACE = "E0902", "cannot be replaced in place",
        "CREATE OR REPLACE can change how columns are computed and which rows pass, and can append columns. Names, types and \
         order of the columns that are there stay, and so do source, key, PARTITION BY, formats and topic; a stream that \
         several queries write cannot be replaced at all. Nothing has been sent. Deploy under a new name, `NAME_V2`, beside \
         the old one, and let readers move over; or give the columns their old names with `--select probability=NAME`.";
    FAILED = "E0903", "command failed on the server",
        "The server took the statement and failed to carry it out. The message is its own. Statements before this one have \
         been applied and go on; the message lists them. Running the same command again finishes what is left.";
    NOT_DEPLOYED = "E0904", "nothing of this name is deployed",
        "The history of deployments (the stream `M2KSQL_DEPLOYMENTS` on the server) has no entry for this name, or none to go \
         back to. `m2ksql status` lists what there is.";
    IN_USE = "E0905", "others use it",
        "Streams and queries read from the stream that would be dropped, and ksqlDB refuses to drop it while they do; or an \
         INSERT INTO of somebody else writes into it, which would end with it. Drop or terminate them before.";
    UNRECORDED = "W0906", "deployment not recorded",
        "The statements are applied, but the history of deployments on the server could not be written: `status` and \
         `rollback` do not know of it. Apply again to record it.";
    NOT_DIVIDED = "E0907", "name that ksql-migrations does not understand",
        "`ksql-migrations` divides a file into statements by itself and does not know names in back-quotes: a `;`, a `'` or a \
         comment sign in a name would break the statement in two. A server has no trouble with it. Give the column another name.";
    INTERRUPTED = "E0908", "interrupted",
        "Ctrl-C ended the wait for the server. A statement that it has taken it carries out all the same; statements after it \
         were not sent. Running the same command again finishes what is left. The exit code is 130.";
    TOO_OLD = "E0909", "server too old",
        "SQL is written for ksqlDB 0.21 (Confluent Platform 7.0) and later: older ones lack functions that every model may \
         need, and give no value where one of several fails. `--target 0.21` writes it all the same; whether the server \
         computes the same with it is not known.";
    OTHER_RELEASE = "W0910", "unknown release of the server",
        "The version that the server gives is no number of a release of ksqlDB or Confluent Platform, so that nothing is known \
         of it. The SQL is written for the newest release that is known; `--target` names another.";
    INCOMPLETE = "W0911", "entry of the history that cannot be read",
        "An entry of the history of deployments is not complete or is none that this program understands: it is left out of \
         `status`, and `rollback` cannot go back to it. An entry of several hundred kilobytes is written in parts; when the \
         connection broke before the last, the deployment is applied but its entry is of no use: apply again to record it.";
    NO_SOURCE = "E0912", "no such stream or table",
        "The server has no stream or table of this name. A name without quotes is upper-cased, as ksqlDB does; one with other \
         letters is written in back-quotes. Create the stream over its topic before (CREATE STREAM … WITH (KAFKA_TOPIC = …)), or \
         name another with `--from`. SHOW STREAMS and SHOW TABLES list what there is.";
}
