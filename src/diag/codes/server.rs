//! Codes of servers (081x, 082x): the environment's fault.

super::codes! {
    UNREACHABLE = "E0810", "server cannot be reached",
        "No connection could be made to the server: its name is unknown, nothing listens there, or a firewall is between. \
         Nothing was sent. `--server` takes the address of ksqlDB's REST API, `http://localhost:8088` if nothing else is \
         given; the environment variable M2KSQL_SERVER does the same. The exit code is 3.";
    INSECURE = "E0811", "no secure connection",
        "The server's certificate is not signed by an authority that is trusted, is out of date or names another host, or \
         the server does not speak TLS at all. `--ca FILE` names the certificates (PEM) of the authority to trust. Nothing \
         was sent. The exit code is 3.";
    LATE = "E0812", "no answer in time",
        "The server took the request and did not answer within `--timeout`. What the request was about may have happened \
         all the same: `m2ksql status` or `SHOW QUERIES;` tells. The exit code is 3.";
    BROKEN = "E0813", "connection broken",
        "The connection ended before the answer was complete, or what came is not HTTP. Requests that change nothing have \
         been repeated by then. The exit code is 3.";
    UNAUTHORIZED = "E0814", "not authorized",
        "The server wants to know who asks, or does not allow it. A name and a password, or an API key and its secret, come \
         from `--user` and `--password-file`, from `--credentials FILE` with one line `name:password`, or from the \
         environment variables M2KSQL_USER and M2KSQL_PASSWORD. They are shown nowhere. The exit code is 3.";
    STRANGE = "E0815", "not an answer of ksqlDB",
        "What answers does not answer as ksqlDB does: mostly another service listens there, or a proxy in between answers \
         with a page of its own, or `--server` lacks a path. The exit code is 3.";
    BUSY = "E0816", "server not ready",
        "The server is starting up or shutting down, is behind with its commands, or limits the number of requests. The \
         request was sent again until `--timeout` was over. The exit code is 3.";
    SERVER_FAULT = "E0817", "server failed",
        "The server failed while it worked on the request, and says so with an error of its own (500). A \
         `StackOverflowError` means that a statement is nested too deeply for it. The exit code is 3.";
    CUT = "E0818", "rows break off",
        "The stream of rows ended in the middle, or with an error of the server. All complete rows that came before have \
         been written. The exit code is 3.";
    CREDENTIALS = "E0819", "credentials incomplete",
        "Credentials are a name and a password, or an API key and its secret. A file named by `--credentials` holds one \
         line `name:password`; one named by `--password-file` holds the password alone. Neither is shown in any message.";
    INTERRUPTED = "E0820", "interrupted",
        "Ctrl-C, or what else asks a program to end, came while a server was computing. The streams and topics that were made \
         for it are dropped before the program ends; a second Ctrl-C ends it at once, and then `M2KSQL_…` streams may be left. \
         The exit code is 130.";
    NOT_A_VALUE = "E0821", "value of another type",
        "The server answers with a value that the column's type does not have: the type that the evaluator computes for the \
         result is not the server's. Please report it with the SQL and the version of the server. The exit code is 3.";
}
