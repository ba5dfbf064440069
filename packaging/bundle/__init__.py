"""Makes the packages of `make package`: folder, tar.xz, .deb, list of parts, checksums. Not part of the program."""
