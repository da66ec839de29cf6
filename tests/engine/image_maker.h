#pragma once

// Makes image archives for tests, entry by entry, also such as no builder would write.

#include <string>
#include <vector>

namespace runner {

struct TarEntry {
  enum class Kind { File, Folder, Link, HardLink, Device };
  Kind kind = Kind::File;
  std::string path;
  std::string content;  // of a File; the target of a Link or HardLink
  unsigned mode = 0644;
};

/// The bytes of a tar file.
std::string make_tar(const std::vector<TarEntry>& entries);
std::string make_gzip(const std::string& bytes);

struct TestImage {
  std::vector<std::vector<TarEntry>> layers;
  std::string config = R"({"Cmd": ["/bin/hello"], "Env": ["PATH=/bin", "A=1"]})";
};

/// An OCI image layout with gzip layers; `architecture` "" writes no platform.
std::string make_oci_archive(const TestImage& image, const std::string& architecture = "");
/// As `docker save` of version 20 writes it: uncompressed layers.
std::string make_docker_archive(const TestImage& image);

}  // namespace runner
