#include "runner/engine/nameless_image.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include <nlohmann/json.hpp>

#include "runner/sys/files.h"

namespace runner {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kManifest = "manifest.json";
constexpr const char* kIndex = "index.json";
constexpr const char* kRepositories = "repositories";

dsl::Error no_image(const std::string& why) {
  return {why, "name a file that `docker save` or `podman save` wrote of one image"};
}

/// The list of images in a document.
dsl::Result<Json*> one_image(Json& list) {
  if (!list.is_array() || list.empty() || !list.front().is_object()) {
    return no_image("it lists no image");
  }
  if (list.size() > 1) {
    return no_image("it holds " + std::to_string(list.size()) + " images");
  }
  return &list.front();
}

/// Gone with its descriptor; beside other large temporary files, not in memory.
dsl::Result<Fd> unseen_file() {
  std::string path = "/var/tmp/pipe-image-XXXXXX";
  Fd file(mkostemp(path.data(), O_CLOEXEC));
  if (!file) {
    return files::system_error("create", path, errno);
  }
  unlink(path.c_str());
  return file;
}

}  // namespace

dsl::Result<ArchiveDocuments> without_names(const ArchiveDocuments& documents) {
  ArchiveDocuments anew;
  if (const auto manifest = documents.find(kManifest); manifest != documents.end()) {
    Json json = Json::parse(manifest->second, nullptr, false);
    const auto image = one_image(json);
    if (!image) {
      return image.error();
    }
    (**image)["RepoTags"] = nullptr;
    anew[kManifest] = json.dump();
  }
  if (const auto index = documents.find(kIndex); index != documents.end()) {
    Json json = Json::parse(index->second, nullptr, false);
    if (!json.is_object()) {
      return no_image("its index.json is no object");
    }
    const auto image = one_image(json["manifests"]);
    if (!image) {
      return image.error();
    }
    (*image)->erase("annotations");
    json.erase("annotations");
    anew[kIndex] = json.dump();
  }
  if (anew.empty()) {
    return no_image("it has neither 'index.json' nor 'manifest.json'");
  }
  anew[kRepositories] = "";
  return anew;
}

dsl::Result<Fd> nameless_image(const std::string& archive) {
  const auto documents = read_archive_documents(archive);
  if (!documents) {
    return documents.error();
  }
  const auto anew = without_names(*documents);
  if (!anew) {
    return anew.error().within("image '" + archive + "'");
  }
  auto file = unseen_file();
  if (!file) {
    return file.error();
  }
  if (const auto copied = copy_archive(archive, *anew, file->get()); !copied) {
    return copied.error();
  }
  lseek(file->get(), 0, SEEK_SET);
  return file;
}

}  // namespace runner
