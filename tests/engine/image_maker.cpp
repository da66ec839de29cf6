#include "tests/engine/image_maker.h"

#include <memory>

#include <archive.h>
#include <archive_entry.h>
#include <nlohmann/json.hpp>

#include "dsl/digest.h"

namespace runner {
namespace {

using Json = nlohmann::json;

la_ssize_t append(archive* writer, void* bytes, const void* block, std::size_t size) {
  static_cast<void>(writer);
  static_cast<std::string*>(bytes)->append(static_cast<const char*>(block), size);
  return static_cast<la_ssize_t>(size);
}

void write_entry(archive* writer, const TarEntry& wanted) {
  archive_entry* const entry = archive_entry_new();
  archive_entry_set_pathname(entry, wanted.path.c_str());
  archive_entry_set_perm(entry, wanted.mode);
  archive_entry_set_mtime(entry, 1'700'000'000, 0);
  archive_entry_set_filetype(entry, AE_IFREG);
  switch (wanted.kind) {
    case TarEntry::Kind::File:
      archive_entry_set_size(entry, static_cast<la_int64_t>(wanted.content.size()));
      break;
    case TarEntry::Kind::Folder:
      archive_entry_set_filetype(entry, AE_IFDIR);
      break;
    case TarEntry::Kind::Link:
      archive_entry_set_filetype(entry, AE_IFLNK);
      archive_entry_set_symlink(entry, wanted.content.c_str());
      break;
    case TarEntry::Kind::HardLink:
      archive_entry_set_hardlink(entry, wanted.content.c_str());
      break;
    case TarEntry::Kind::Device:
      archive_entry_set_filetype(entry, AE_IFCHR);
      break;
  }
  archive_write_header(writer, entry);
  if (wanted.kind == TarEntry::Kind::File) {
    archive_write_data(writer, wanted.content.data(), wanted.content.size());
  }
  archive_entry_free(entry);
}

std::string digest_of(const std::string& bytes) {
  return "sha256:" + dsl::sha256_hex(bytes);
}

Json configuration(const TestImage& image, const std::vector<std::string>& tars) {
  Json contents = Json::array();
  for (const std::string& tar : tars) {
    contents.push_back(digest_of(tar));
  }
  return {{"architecture", "amd64"},
          {"os", "linux"},
          {"config", Json::parse(image.config)},
          {"rootfs", {{"type", "layers"}, {"diff_ids", contents}}}};
}

std::vector<std::string> tars_of(const TestImage& image) {
  std::vector<std::string> tars;
  for (const auto& layer : image.layers) {
    tars.push_back(make_tar(layer));
  }
  return tars;
}

}  // namespace

std::string make_tar(const std::vector<TarEntry>& entries) {
  std::string bytes;
  archive* const writer = archive_write_new();
  archive_write_set_format_pax_restricted(writer);
  archive_write_open(writer, &bytes, nullptr, append, nullptr);
  for (const TarEntry& entry : entries) {
    write_entry(writer, entry);
  }
  archive_write_free(writer);
  return bytes;
}

std::string make_gzip(const std::string& content) {
  std::string bytes;
  archive* const writer = archive_write_new();
  archive_write_set_format_raw(writer);
  archive_write_add_filter_gzip(writer);
  archive_write_open(writer, &bytes, nullptr, append, nullptr);
  archive_entry* const entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_write_header(writer, entry);
  archive_write_data(writer, content.data(), content.size());
  archive_entry_free(entry);
  archive_write_free(writer);
  return bytes;
}

std::string make_oci_archive(const TestImage& image, const std::string& architecture) {
  std::vector<TarEntry> files;
  const auto add_blob = [&](const std::string& bytes) -> Json {
    const std::string digest = digest_of(bytes);
    files.push_back({TarEntry::Kind::File, "blobs/sha256/" + digest.substr(7), bytes, 0644});
    return {{"digest", digest}, {"size", bytes.size()}};
  };
  const std::vector<std::string> tars = tars_of(image);
  Json layers = Json::array();
  for (const std::string& tar : tars) {
    layers.push_back(add_blob(make_gzip(tar)));
  }
  const Json manifest = {{"schemaVersion", 2},
                         {"config", add_blob(configuration(image, tars).dump())},
                         {"layers", layers}};
  Json descriptor = add_blob(manifest.dump());
  if (!architecture.empty()) {
    descriptor["platform"] = {{"architecture", architecture}, {"os", "linux"}};
  }
  const Json other = {{"digest", digest_of("other")},
                      {"platform", {{"architecture", "s390x"}, {"os", "linux"}}}};
  Json manifests = Json::array({descriptor});
  if (!architecture.empty()) {
    manifests.insert(manifests.begin(), other);
  }
  const Json index = {{"schemaVersion", 2}, {"manifests", manifests}};
  files.push_back({TarEntry::Kind::File, "oci-layout", R"({"imageLayoutVersion":"1.0.0"})", 0644});
  files.push_back({TarEntry::Kind::File, "./index.json", index.dump(), 0644});
  return make_tar(files);
}

std::string make_docker_archive(const TestImage& image) {
  const std::vector<std::string> tars = tars_of(image);
  const std::string config = configuration(image, tars).dump();
  const std::string config_name = dsl::sha256_hex(config) + ".json";
  Json layers = Json::array();
  std::vector<TarEntry> files;
  for (std::size_t i = 0; i < tars.size(); ++i) {
    layers.push_back("layer" + std::to_string(i) + "/layer.tar");
    files.push_back({TarEntry::Kind::File, layers.back(), tars[i], 0644});
  }
  const Json manifest = Json::array(
      {{{"Config", config_name}, {"RepoTags", Json::array({"test:1"})}, {"Layers", layers}}});
  files.push_back({TarEntry::Kind::File, config_name, config, 0644});
  files.push_back({TarEntry::Kind::File, "manifest.json", manifest.dump(), 0644});
  return make_tar(files);
}

}  // namespace runner
