//! Codes of files and servers (08xx): the environment's fault, not the input's.

super::codes! {
    CANNOT_READ = "E0801", "file cannot be read",
        "A file named on the command line does not exist, is a directory, or may not be read. The operating system's \
         reason is shown. The exit code is 3.";
    CANNOT_WRITE = "E0802", "file cannot be written",
        "The result could not be written to the file given with `--output`. A file is written under a temporary name \
         beside its place and moved there when it is complete, so its directory must be writable; what stood there \
         before is kept. The exit code is 3.";
}
