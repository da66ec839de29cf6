#pragma once

// A tar file that holds an image: its documents, and its layers one after the other. Blocks.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/engine/oci_layer.h"

namespace runner {

/// Small files of the archive by their names; blobs too, since manifests are blobs.
using ArchiveDocuments = std::map<std::string, std::string>;

/// Every regular file of at most 4 MiB, and an Error where it is no tar file.
dsl::Result<ArchiveDocuments> read_archive_documents(const std::string& path);

/// Writes the archive anew, as a plain tar: all of it, but documents in `anew` with that text, or
/// not at all where it is "".
dsl::Status copy_archive(const std::string& path, const ArchiveDocuments& anew, int to);

/// One layer of an image: a file of the archive, and what the sha256 of its bytes must be (hex; of
/// the bytes as they stand there, compressed or not).
struct LayerSource {
  std::string file;
  std::string digest;
};

/// Applies the layer, compressed by whatever libarchive knows (gzip, zstd, none). An Error also
/// where its digest is another one; then some of it has been written.
dsl::Status apply_layer(const std::string& path, const LayerSource& layer, LayerWriter& writer);

}  // namespace runner
