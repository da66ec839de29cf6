#include "runner/engine/oci_image.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "dsl/digest.h"
#include "runner/engine/oci_archive.h"
#include "runner/sys/files.h"

namespace runner {
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

constexpr const char* kSha256 = "sha256:";
constexpr std::int64_t kConfigCap = 4 << 20;

/// What an archive says that its image is.
struct Manifest {
  std::string digest;  // hex; of the manifest (OCI) or of the configuration (docker save)
  std::string config;  // JSON
  std::vector<LayerSource> layers;
};

dsl::Error not_an_image(const std::string& why) {
  return {"the archive is no image: " + why,
          "name a file that `docker save`, `podman save` or another builder of OCI images wrote"};
}

/// A JSON object, or a null value where the text is none.
Json parse(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_discarded() ? Json() : json;
}

std::string text_at(const Json& json, const char* key) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  return json.is_object() && found != json.end() && found->is_string() ? found->get<std::string>()
                                                                       : "";
}

const Json& list_at(const Json& json, const char* key) {
  static const Json kEmpty = Json::array();
  if (!json.is_object()) {
    return kEmpty;
  }
  const auto found = json.find(key);
  return found != json.end() && found->is_array() ? *found : kEmpty;
}

/// The hex digits of a "sha256:…" digest; "" where it is none.
std::string hex_of(const std::string& digest) {
  const std::string hex = digest.substr(std::min(digest.size(), std::string_view(kSha256).size()));
  const bool whole = digest.starts_with(kSha256) && hex.size() == 64 &&
                     hex.find_first_not_of("0123456789abcdef") == std::string::npos;
  return whole ? hex : "";
}

std::string blob_name(const std::string& hex) {
  return "blobs/sha256/" + hex;
}

/// The document with that digest, once its bytes have been checked.
dsl::Result<std::string> blob(const ArchiveDocuments& documents, const std::string& digest) {
  const std::string hex = hex_of(digest);
  const auto found = documents.find(blob_name(hex));
  if (hex.empty() || found == documents.end()) {
    return not_an_image("it has no blob '" + digest + "'");
  }
  if (dsl::sha256_hex(found->second) != hex) {
    return dsl::Error{"the blob '" + digest + "' of the image has another digest",
                      "take the image from its source again"};
  }
  return found->second;
}

/// Our processor as OCI images call it.
std::string architecture() {
  utsname name{};
  uname(&name);
  const std::string machine = name.machine;
  if (machine == "x86_64") {
    return "amd64";
  }
  return machine == "aarch64" ? "arm64" : machine;
}

/// The entry of an index that is for this machine: the only one, or the one that says so.
const Json* choose(const Json& manifests) {
  const std::string wanted = architecture();
  for (const Json& entry : manifests) {
    const auto platform = entry.is_object() ? entry.find("platform") : entry.end();
    if (entry.is_object() && platform != entry.end() &&
        text_at(*platform, "architecture") == wanted && text_at(*platform, "os") == "linux") {
      return &entry;
    }
  }
  return manifests.size() == 1 ? &manifests[0] : nullptr;
}

dsl::Result<Manifest> read_oci(const ArchiveDocuments& documents) {
  Json index = parse(documents.at("index.json"));
  for (int depth = 0; depth < 4; ++depth) {
    const Json* const entry = choose(list_at(index, "manifests"));
    if (entry == nullptr) {
      return not_an_image("its index has no image for linux/" + architecture());
    }
    const std::string digest = text_at(*entry, "digest");
    auto document = blob(documents, digest);
    if (!document) {
      return document.error();
    }
    const Json json = parse(*document);
    if (!list_at(json, "manifests").empty()) {
      index = json;  // an index of indexes
      continue;
    }
    Manifest manifest;
    manifest.digest = hex_of(digest);
    auto config = blob(documents, text_at(json.value("config", Json::object()), "digest"));
    if (!config) {
      return config.error();
    }
    manifest.config = *std::move(config);
    for (const Json& layer : list_at(json, "layers")) {
      const std::string hex = hex_of(text_at(layer, "digest"));
      if (hex.empty()) {
        return not_an_image("a layer has no sha256 digest");
      }
      manifest.layers.push_back({blob_name(hex), hex});
    }
    return manifest;
  }
  return not_an_image("its indexes are nested too deeply");
}

/// manifest.json is [{"Config": "<hex>.json", "Layers": ["<name>/layer.tar", …]}].
dsl::Result<Manifest> read_docker(const ArchiveDocuments& documents) {
  const Json images = parse(documents.at("manifest.json"));
  if (!images.is_array() || images.size() != 1) {
    return not_an_image("it has " + std::to_string(images.is_array() ? images.size() : 0) +
                        " images, and one is wanted");
  }
  const auto config = documents.find(text_at(images[0], "Config"));
  if (config == documents.end()) {
    return not_an_image("its configuration is missing");
  }
  Manifest manifest;
  manifest.config = config->second;
  manifest.digest = dsl::sha256_hex(config->second);
  const Json& layers = list_at(images[0], "Layers");
  const Json root = parse(config->second).value("rootfs", Json::object());
  const Json& contents = list_at(root, "diff_ids");
  if (layers.size() != contents.size()) {
    return not_an_image("its configuration and its manifest disagree on the layers");
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string hex = contents[i].is_string() ? hex_of(contents[i].get<std::string>()) : "";
    if (!layers[i].is_string() || hex.empty()) {
      return not_an_image("a layer has no sha256 digest");
    }
    manifest.layers.push_back({layers[i].get<std::string>(), hex});
  }
  return manifest;
}

dsl::Result<Manifest> read_manifest(const std::string& archive) {
  const auto documents = read_archive_documents(archive);
  if (!documents) {
    return documents.error();
  }
  if (documents->count("index.json") > 0) {
    return read_oci(*documents);
  }
  if (documents->count("manifest.json") > 0) {
    return read_docker(*documents);
  }
  return not_an_image("it has neither 'index.json' nor 'manifest.json'");
}

void read_config(const std::string& text, ImageConfig& image) {
  const Json json = parse(text);
  const Json config = json.is_object() ? json.value("config", Json::object()) : Json();
  for (const char* const key : {"Entrypoint", "Cmd"}) {
    for (const Json& word : list_at(config, key)) {
      image.command.push_back(word.is_string() ? word.get<std::string>() : "");
    }
  }
  for (const Json& variable : list_at(config, "Env")) {
    add_variable(variable.is_string() ? variable.get<std::string>() : "", image.env);
  }
  image.working_directory = text_at(config, "WorkingDir");
}

/// Unpacks into a draft beside the place and renames: what stands at the place is whole.
dsl::Status unpack(const std::string& archive, const Manifest& manifest, const fs::path& place) {
  auto draft = files::make_temporary_folder(place.parent_path().string(),
                                            ".draft-" + std::to_string(getpid()) + "-");
  if (!draft) {
    return draft.error();
  }
  const auto fill = [&]() -> dsl::Status {
    const std::string root = *draft + "/rootfs";
    if (mkdir(root.c_str(), 0755) != 0) {
      return files::system_error("create the folder", root, errno);
    }
    const auto folder = files::open_folder(root);
    if (!folder) {
      return folder.error();
    }
    for (const LayerSource& layer : manifest.layers) {
      LayerWriter writer(*folder);
      if (auto applied = apply_layer(archive, layer, writer); !applied) {
        return applied;
      }
    }
    if (auto written =
            files::write_atomically(*draft + "/config.json", manifest.config, files::Durable::No);
        !written) {
      return written;
    }
    chmod(draft->c_str(), 0755);
    if (rename(draft->c_str(), place.c_str()) != 0 && errno != EEXIST && errno != ENOTEMPTY) {
      return files::system_error("create the folder", place.string(), errno);
    }
    return dsl::Ok{};
  };
  const dsl::Status filled = fill();
  static_cast<void>(files::remove_tree(*draft));  // gone already where the rename did it
  return filled;
}

/// Drafts of runners that died on the way.
void remove_old_drafts(const fs::path& images) {
  constexpr std::string_view kPrefix = ".draft-";
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(images, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) {
      continue;
    }
    const long pid = std::strtol(name.c_str() + kPrefix.size(), nullptr, 10);
    if (pid > 0 && kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) {
      static_cast<void>(files::remove_tree(entry.path().string()));
    }
  }
}

/// Tells an archive from another without reading it.
dsl::Result<std::string> identity_of(const std::string& archive) {
  struct stat status {};
  if (stat(archive.c_str(), &status) != 0) {
    return files::system_error("open the image", archive, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    return dsl::Error{"the image '" + archive + "' is no file",
                      "for an unpacked root filesystem write `image: {rootfs: …}`"};
  }
  return dsl::sha256_hex(archive + "\n" + files::stamp_of(status));
}

}  // namespace

dsl::Result<RootImage> unpack_image(const std::string& state_dir, const std::string& archive) {
  const auto identity = identity_of(archive);
  if (!identity) {
    return identity.error();
  }
  const fs::path images = fs::path(state_dir) / "images";
  const std::string known = (images / "archives" / *identity).string();
  if (auto made = files::make_directories((images / "archives").string()); !made) {
    return made.error();
  }
  RootImage image;
  const auto take = [&](const std::string& digest) {
    const fs::path place = images / digest;
    const auto config = files::read_file((place / "config.json").string(), kConfigCap);
    if (!config) {
      return false;
    }
    image.digest = kSha256 + digest;
    image.root = (place / "rootfs").string();
    read_config(*config, image.config);
    return true;
  };
  if (const auto digest = files::read_file(known, 100); digest && take(*digest)) {
    return image;
  }
  remove_old_drafts(images);
  const auto manifest = read_manifest(archive);
  if (!manifest) {
    return manifest.error().within("image '" + archive + "'");
  }
  const fs::path place = images / manifest->digest;
  if (!fs::exists(place)) {
    if (auto unpacked = unpack(archive, *manifest, place); !unpacked) {
      return unpacked.error().within("image '" + archive + "'");
    }
  }
  if (auto written = files::write_atomically(known, manifest->digest, files::Durable::No);
      !written) {
    return written.error();
  }
  if (!take(manifest->digest)) {
    return dsl::Error{"the unpacked image '" + place.string() + "' is not whole",
                      "remove that folder, and start again"};
  }
  return image;
}

}  // namespace runner
