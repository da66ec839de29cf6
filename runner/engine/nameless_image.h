#pragma once

// An image's archive as a container engine may load it. `docker load` gives an image the names that
// its archive says, whosever they are: a file of a project could become "debian:bookworm" for every
// user of the machine. What is loaded here has none. Blocks.

#include <string>

#include "dsl/result.h"
#include "runner/engine/oci_archive.h"
#include "runner/sys/fd.h"

namespace runner {

/// Those of the archive's documents that name it, without the names: RepoTags of Docker's manifest,
/// annotations of an OCI index, and "" for the older list "repositories", which has nothing else.
/// An Error where it is no image, or holds several, of which nobody could say which is meant.
dsl::Result<ArchiveDocuments> without_names(const ArchiveDocuments& documents);

/// A copy without names, in a file that nobody else sees and that goes with its descriptor, which
/// stands at its beginning.
dsl::Result<Fd> nameless_image(const std::string& archive);

}  // namespace runner
