#include "runner/engine/oci_image.h"

#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/engine/nameless_image.h"
#include "runner/sys/files.h"
#include "tests/engine/image_maker.h"

namespace runner {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using Kind = TarEntry::Kind;

class OciImage : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = (fs::temp_directory_path() / "pipe-oci-XXXXXX").string();
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    folder_ = path;
  }
  void TearDown() override { EXPECT_TRUE(files::remove_tree(folder_.string())); }

  dsl::Result<RootImage> unpack(const std::string& archive) {
    const fs::path file = folder_ / "image.tar";
    std::ofstream(file, std::ios::binary) << archive;
    return unpack_image((folder_ / "state").string(), file.string());
  }
  dsl::Result<RootImage> unpack_layers(std::vector<std::vector<TarEntry>> layers) {
    return unpack(make_oci_archive({std::move(layers)}));
  }
  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path folder_;
};

TEST_F(OciImage, UnpacksTheLayoutOfOci) {
  const auto image = unpack_layers(
      {{{Kind::Folder, "bin/", "", 0755},
        {Kind::File, "bin/hello", "first", 0755},
        {Kind::Link, "sbin", "bin"}},
       {{Kind::File, "bin/hello", "second", 0700}, {Kind::HardLink, "bin/hi", "bin/hello"}}});
  ASSERT_TRUE(image) << image.error().message;
  const fs::path root = image->root;
  EXPECT_EQ(read(root / "bin/hello"), "second");
  EXPECT_EQ(read(root / "sbin/hi"), "second");
  EXPECT_EQ(fs::status(root / "bin/hello").permissions(), fs::perms::owner_all);
  EXPECT_THAT(image->config.command, ElementsAre("/bin/hello"));
  EXPECT_THAT(image->config.env, ElementsAre(Pair("PATH", "/bin"), Pair("A", "1")));
  EXPECT_EQ(image->digest.size(), 7 + 64u);
}

TEST_F(OciImage, UnpacksWhatDockerSaves) {
  const auto image =
      unpack(make_docker_archive({{{{Kind::File, "a", "1"}}, {{Kind::File, "b", "2"}}}}));
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(read(image->root + "/a") + read(image->root + "/b"), "12");
}

TEST_F(OciImage, TakesTheImageForThisMachineFromAnIndex) {
#if defined(__x86_64__)
  const std::string ours = "amd64";
#else
  const std::string ours = "arm64";
#endif
  const auto image = unpack(make_oci_archive({{{{Kind::File, "a", "1"}}}}, ours));
  ASSERT_TRUE(image) << image.error().message;
  const auto foreign = unpack(make_oci_archive({{{{Kind::File, "a", "1"}}}}, "riscv64"));
  ASSERT_FALSE(foreign);
  EXPECT_THAT(foreign.error().message, HasSubstr("no image for linux/" + ours));
}

TEST_F(OciImage, WhiteoutsHideWhatIsBelow) {
  const auto image = unpack_layers({{{Kind::File, "gone", "x"},
                                     {Kind::File, "folder/old", "x"},
                                     {Kind::File, "folder/deep/old", "x"},
                                     {Kind::File, "kept", "x"}},
                                    {{Kind::File, ".wh.gone", ""},
                                     {Kind::File, "folder/new", "x"},
                                     {Kind::File, "folder/.wh..wh..opq", ""},
                                     {Kind::File, "folder/newer", "x"}}});
  ASSERT_TRUE(image) << image.error().message;
  const fs::path root = image->root;
  EXPECT_FALSE(fs::exists(root / "gone"));
  EXPECT_FALSE(fs::exists(root / "folder/old"));
  EXPECT_FALSE(fs::exists(root / "folder/deep"));
  EXPECT_TRUE(fs::exists(root / "folder/new"));
  EXPECT_TRUE(fs::exists(root / "folder/newer"));
  EXPECT_TRUE(fs::exists(root / "kept"));
  EXPECT_FALSE(fs::exists(root / ".wh.gone"));
}

TEST_F(OciImage, ALayerMayReplaceAFolderByAFileAndBack) {
  const auto image = unpack_layers({{{Kind::File, "a/below", "x"}, {Kind::File, "b", "x"}},
                                    {{Kind::File, "a", "file"}, {Kind::File, "b/below", "y"}}});
  // "b/below" goes through a file: the archive is wrong, and nothing of it stays.
  ASSERT_FALSE(image);
  const auto right = unpack_layers(
      {{{Kind::File, "a/below", "x"}, {Kind::File, "b", "x"}},
       {{Kind::File, "a", "file"}, {Kind::Folder, "b", "", 0755}, {Kind::File, "b/below", "y"}}});
  ASSERT_TRUE(right) << right.error().message;
  EXPECT_EQ(read(right->root + "/a"), "file");
  EXPECT_EQ(read(right->root + "/b/below"), "y");
}

TEST_F(OciImage, RefusesPathsThatLeadOut) {
  const auto image = unpack_layers({{{Kind::File, "../outside", "x"}}});
  ASSERT_FALSE(image);
  EXPECT_THAT(image.error().message, HasSubstr("'../outside', which leads out of it"));
  EXPECT_FALSE(fs::exists(folder_ / "state/images/outside"));
}

TEST_F(OciImage, LinksLeadOnlyToPlacesWithin) {
  const fs::path outside = folder_ / "outside";
  fs::create_directory(outside);
  std::ofstream(outside / "secret") << "mine";
  const std::string up = "../../../../../../../../../../../..";
  const std::string within = outside.string().substr(1);
  const auto image = unpack_layers({{{Kind::Folder, within, "", 0755},
                                     {Kind::Link, "absolute", outside.string()},
                                     {Kind::File, "absolute/planted", "x"},
                                     {Kind::Link, "relative", up + outside.string()},
                                     {Kind::File, "relative/planted2", "x"}}});
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_TRUE(fs::exists(image->root + "/" + within + "/planted"));
  EXPECT_TRUE(fs::exists(image->root + "/" + within + "/planted2"));
  EXPECT_FALSE(fs::exists(outside / "planted"));
  EXPECT_FALSE(fs::exists(outside / "planted2"));

  const auto hard = unpack_layers({{{Kind::HardLink, "secret", outside.string() + "/secret"}}});
  EXPECT_FALSE(hard);
}

TEST_F(OciImage, DropsDevicesAndSetuidBits) {
  const auto image =
      unpack_layers({{{Kind::Device, "dev/mem", "", 0666}, {Kind::File, "bin/su", "x", 04755}}});
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_FALSE(fs::exists(image->root + "/dev/mem"));
  struct stat status {};
  ASSERT_EQ(stat((image->root + "/bin/su").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0755u);
}

TEST_F(OciImage, ChecksTheDigestOfEveryLayer) {
  std::string archive = make_docker_archive({{{{Kind::File, "a", "the original"}}}});
  archive.replace(archive.find("the original"), 12, "the tampered");
  const auto image = unpack(archive);
  ASSERT_FALSE(image);
  EXPECT_THAT(image.error().message, HasSubstr("has not the digest"));
  const fs::path images = folder_ / "state/images";
  EXPECT_EQ(std::distance(fs::directory_iterator(images), fs::directory_iterator()), 1)
      << "something besides 'archives' was left";
}

TEST_F(OciImage, SaysThatAFileIsNoImage) {
  const auto text = unpack("just some text");
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error().remedy, HasSubstr("docker save"));
  const auto tar = unpack(make_tar({{Kind::File, "a", "1"}}));
  ASSERT_FALSE(tar);
  EXPECT_THAT(tar.error().message, HasSubstr("neither 'index.json' nor 'manifest.json'"));
  const auto missing = unpack_image((folder_ / "state").string(), "/no/such/file.tar");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "open the image '/no/such/file.tar': No such file or directory");
}

TEST_F(OciImage, IsNotUnpackedTwice) {
  const auto first = unpack_layers({{{Kind::File, "a", "1"}}});
  ASSERT_TRUE(first);
  std::ofstream(first->root + "/mark") << "x";
  const auto known = unpack_image((folder_ / "state").string(), (folder_ / "image.tar").string());
  ASSERT_TRUE(known);
  EXPECT_TRUE(fs::exists(known->root + "/mark"));
  // The same image in another file.
  const auto again = unpack_layers({{{Kind::File, "a", "1"}}});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->digest, first->digest);
  EXPECT_TRUE(fs::exists(again->root + "/mark"));
}

TEST_F(OciImage, RemovesWhatARunnerThatDiedHadBegun) {
  const fs::path draft = folder_ / "state/images/.draft-2147483646-abc";
  fs::create_directories(draft / "rootfs");
  ASSERT_TRUE(unpack_layers({{{Kind::File, "a", "1"}}}));
  EXPECT_FALSE(fs::exists(draft));
}

TEST(NamelessImage, HasTheNamesOfNobody) {
  const auto docker = without_names(
      {{"manifest.json", R"([{"Config":"c.json","RepoTags":["debian:bookworm"],"Layers":["l"]}])"},
       {"repositories", R"({"debian":{"bookworm":"l"}})"}});
  ASSERT_TRUE(docker) << docker.error().message;
  EXPECT_EQ(docker->at("manifest.json"), R"([{"Config":"c.json","RepoTags":null,"Layers":["l"]}])");
  EXPECT_EQ(docker->at("repositories"), "");
  const auto oci = without_names(
      {{"index.json",
        R"({"schemaVersion":2,"annotations":{"a":"b"},"manifests":[{"digest":"sha256:1",)"
        R"("annotations":{"io.containerd.image.name":"docker.io/library/debian:1"}}]})"}});
  ASSERT_TRUE(oci) << oci.error().message;
  EXPECT_EQ(oci->at("index.json"), R"({"schemaVersion":2,"manifests":[{"digest":"sha256:1"}]})");
}

TEST(NamelessImage, IsOneImage) {
  const std::pair<ArchiveDocuments, const char*> none[] = {
      {{}, "neither"},
      {{{"manifest.json", "[{},{}]"}}, "holds 2 images"},
      {{{"manifest.json", "[]"}}, "lists no image"},
      {{{"manifest.json", "{"}}, "lists no image"},
      {{{"index.json", "[]"}}, "no object"},
      {{{"index.json", R"({"manifests":7})"}}, "lists no image"},
  };
  for (const auto& [documents, why] : none) {
    const auto anew = without_names(documents);
    ASSERT_FALSE(anew) << why;
    EXPECT_THAT(anew.error().message, HasSubstr(why));
  }
}

}  // namespace
}  // namespace runner
