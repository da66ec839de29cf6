#include "runner/engine/oci_archive.h"

#include <array>
#include <string_view>

#include <archive.h>
#include <archive_entry.h>

#include "dsl/digest.h"

namespace runner {
namespace {

constexpr std::int64_t kDocumentCap = 4 << 20;
constexpr std::size_t kBlock = 64 << 10;

struct CloseArchive {
  void operator()(archive* opened) const { archive_read_free(opened); }
};
using Archive = std::unique_ptr<archive, CloseArchive>;

struct CloseWritten {
  void operator()(archive* opened) const { archive_write_free(opened); }
};
using WrittenArchive = std::unique_ptr<archive, CloseWritten>;

dsl::Error damaged(const std::string& path, archive* opened) {
  const char* const why = archive_error_string(opened);
  return {"read the image '" + path + "': " + (why == nullptr ? "it is damaged" : why),
          "name a file that `docker save`, `podman save` or another builder of OCI images wrote"};
}

/// "./a" and "a" are the same.
std::string plain_name(archive_entry* entry) {
  const char* const name = archive_entry_pathname(entry);
  std::string_view text = name == nullptr ? "" : name;
  while (text.starts_with("./")) {
    text.remove_prefix(2);
  }
  return std::string(text);
}

dsl::Result<Archive> open_archive(const std::string& path) {
  Archive opened(archive_read_new());
  archive_read_support_format_tar(opened.get());
  archive_read_support_filter_all(opened.get());
  if (archive_read_open_filename(opened.get(), path.c_str(), kBlock) != ARCHIVE_OK) {
    return damaged(path, opened.get());
  }
  return opened;
}

bool is_wrong(int result) {
  return result != ARCHIVE_OK && result != ARCHIVE_WARN;
}

/// A layer's bytes as they come out of the outer archive, on their way to the inner one.
struct LayerStream {
  archive* outer;
  dsl::Sha256 digest;
  std::array<char, kBlock> block{};

  la_ssize_t next(const void** bytes) {
    const la_ssize_t got = archive_read_data(outer, block.data(), block.size());
    if (got > 0) {
      digest.add({block.data(), static_cast<std::size_t>(got)});
    }
    *bytes = block.data();
    return got;
  }
};

la_ssize_t read_layer(archive* inner, void* stream, const void** bytes) {
  static_cast<void>(inner);
  return static_cast<LayerStream*>(stream)->next(bytes);
}

LayerEntry entry_of(archive_entry* entry) {
  LayerEntry layer;
  layer.path = plain_name(entry);
  layer.mode = archive_entry_perm(entry);
  layer.uid = archive_entry_uid(entry);
  layer.gid = archive_entry_gid(entry);
  layer.mtime_s = archive_entry_mtime(entry);
  if (const char* const target = archive_entry_hardlink(entry)) {
    layer.kind = LayerEntry::Kind::HardLink;
    layer.target = target;
    return layer;
  }
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
      layer.kind = LayerEntry::Kind::File;
      break;
    case AE_IFDIR:
      layer.kind = LayerEntry::Kind::Folder;
      break;
    case AE_IFLNK:
      layer.kind = LayerEntry::Kind::Link;
      layer.target = archive_entry_symlink(entry) == nullptr ? "" : archive_entry_symlink(entry);
      break;
    case AE_IFIFO:
      layer.kind = LayerEntry::Kind::Fifo;
      break;
    default:
      layer.kind = LayerEntry::Kind::Device;
      break;
  }
  return layer;
}

/// The inner archive, to its end.
dsl::Status add_entries(const std::string& name, archive* inner, LayerWriter& writer) {
  for (;;) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(inner, &entry);
    if (result == ARCHIVE_EOF) {
      return dsl::Ok{};
    }
    if (is_wrong(result)) {
      return damaged(name, inner);
    }
    const auto read = [inner](char* buffer, std::size_t size) -> std::int64_t {
      return archive_read_data(inner, buffer, size);
    };
    if (auto added = writer.add(entry_of(entry), read); !added) {
      return added;
    }
  }
}

dsl::Status apply(const LayerSource& layer, archive* outer, LayerWriter& writer) {
  LayerStream stream{outer, {}};
  const Archive inner(archive_read_new());
  archive_read_support_format_tar(inner.get());
  archive_read_support_format_empty(inner.get());
  archive_read_support_filter_all(inner.get());
  if (archive_read_open(inner.get(), &stream, nullptr, read_layer, nullptr) != ARCHIVE_OK) {
    return damaged(layer.file, inner.get());
  }
  if (auto added = add_entries(layer.file, inner.get(), writer); !added) {
    return added;
  }
  const void* rest = nullptr;  // padding after the end of the inner archive counts for the digest
  while (stream.next(&rest) > 0) {
  }
  if (stream.digest.finish() != layer.digest) {
    return dsl::Error{"the layer '" + layer.file +
                          "' of the image has not the digest that its "
                          "manifest says",
                      "take the image from its source again"};
  }
  return dsl::Ok{};
}

dsl::Error not_written(archive* written) {
  const char* const why = archive_error_string(written);
  return {std::string("copy an image: ") + (why == nullptr ? "it cannot be written" : why), ""};
}

dsl::Status copy_data(const std::string& path, archive* from, archive* to) {
  std::vector<char> block(kBlock);
  for (;;) {
    const la_ssize_t got = archive_read_data(from, block.data(), block.size());
    if (got == 0) {
      return dsl::Ok{};
    }
    if (got < 0) {
      return damaged(path, from);
    }
    if (archive_write_data(to, block.data(), static_cast<std::size_t>(got)) != got) {
      return not_written(to);
    }
  }
}

}  // namespace

dsl::Status copy_archive(const std::string& path, const ArchiveDocuments& anew, int to) {
  auto opened = open_archive(path);
  if (!opened) {
    return opened.error();
  }
  const WrittenArchive written(archive_write_new());
  archive_write_set_format_pax_restricted(written.get());
  if (archive_write_open_fd(written.get(), to) != ARCHIVE_OK) {
    return not_written(written.get());
  }
  for (;;) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(opened->get(), &entry);
    if (result == ARCHIVE_EOF) {
      return archive_write_close(written.get()) == ARCHIVE_OK ? dsl::Status(dsl::Ok{})
                                                              : not_written(written.get());
    }
    if (is_wrong(result)) {
      return damaged(path, opened->get());
    }
    const auto document = anew.find(plain_name(entry));
    if (document != anew.end() && document->second.empty()) {
      continue;
    }
    if (document != anew.end()) {
      archive_entry_set_size(entry, static_cast<la_int64_t>(document->second.size()));
    }
    if (is_wrong(archive_write_header(written.get(), entry))) {
      return not_written(written.get());
    }
    if (document == anew.end()) {
      if (const dsl::Status copied = copy_data(path, opened->get(), written.get()); !copied) {
        return copied;
      }
    } else if (archive_write_data(written.get(), document->second.data(), document->second.size()) <
               0) {
      return not_written(written.get());
    }
  }
}

dsl::Result<ArchiveDocuments> read_archive_documents(const std::string& path) {
  auto opened = open_archive(path);
  if (!opened) {
    return opened.error();
  }
  ArchiveDocuments documents;
  for (;;) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(opened->get(), &entry);
    if (result == ARCHIVE_EOF) {
      return documents;
    }
    if (is_wrong(result)) {
      return damaged(path, opened->get());
    }
    const std::int64_t size = archive_entry_size(entry);
    if (archive_entry_filetype(entry) != AE_IFREG || size > kDocumentCap || size <= 0) {
      continue;
    }
    std::string bytes(static_cast<std::size_t>(size), '\0');
    if (archive_read_data(opened->get(), bytes.data(), bytes.size()) != size) {
      return damaged(path, opened->get());
    }
    documents[plain_name(entry)] = std::move(bytes);
  }
}

dsl::Status apply_layer(const std::string& path, const LayerSource& layer, LayerWriter& writer) {
  auto opened = open_archive(path);
  if (!opened) {
    return opened.error();
  }
  for (;;) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(opened->get(), &entry);
    if (result == ARCHIVE_EOF) {
      return dsl::Error{"the image '" + path + "' has no file '" + layer.file + "'",
                        "take the image from its source again"};
    }
    if (is_wrong(result)) {
      return damaged(path, opened->get());
    }
    if (plain_name(entry) == layer.file) {
      return apply(layer, opened->get(), writer);
    }
  }
}

}  // namespace runner
