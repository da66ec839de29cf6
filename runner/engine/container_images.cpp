#include "runner/engine/container_images.h"

#include <fcntl.h>
#include <map>
#include <sys/wait.h>
#include <tuple>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "dsl/image_reference.h"
#include "dsl/render.h"
#include "runner/engine/container_image_tag.h"
#include "runner/engine/nameless_image.h"
#include "runner/sys/fd.h"
#include "runner/sys/files.h"
#include "runner/sys/process.h"

namespace runner {
namespace {

using Json = nlohmann::json;
using Key = std::tuple<dsl::Image::Kind, std::string, std::string>;

constexpr dsl::Duration kMakeTimeout{3'600'000};  // a pull or a build
constexpr std::size_t kOutputCap = 1 << 20;

Key key_of(const dsl::Image& image) {
  return {image.kind, image.reference, image.context};
}

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of(" \r\n");
  if (end == std::string::npos)
    return "";
  const std::size_t begin = text.find_last_of("\r\n", end);
  return begin == std::string::npos ? text.substr(0, end + 1) : text.substr(begin + 1, end - begin);
}

std::string unprefixed(const std::string& id) {
  return id.rfind("sha256:", 0) == 0 ? id : "sha256:" + id;
}

std::vector<std::string> texts(const Json& json, const char* key) {
  std::vector<std::string> found;
  if (json.contains(key) && json[key].is_array()) {
    for (const Json& text : json[key])
      found.push_back(text.get<std::string>());
  }
  return found;
}

}  // namespace

dsl::Result<ContainerImage> read_image(const std::string& json) {
  const Json reply = Json::parse(json, nullptr, false);
  if (!reply.is_object() || !reply.contains("Id") || !reply["Id"].is_string())
    return dsl::Error{"the container engine's description of an image has no 'Id'", ""};
  ContainerImage image;
  image.id = unprefixed(reply["Id"].get<std::string>());
  if (!reply.contains("Config") || !reply["Config"].is_object())
    return image;
  const Json& config = reply["Config"];
  image.config.command = texts(config, "Entrypoint");
  for (std::string& word : texts(config, "Cmd"))
    image.config.command.push_back(std::move(word));
  for (const std::string& line : texts(config, "Env"))
    add_variable(line, image.config.env);
  if (config.contains("WorkingDir") && config["WorkingDir"].is_string())
    image.config.working_directory = config["WorkingDir"].get<std::string>();
  return image;
}

struct ContainerImages::Impl {
  using Found = std::function<void(dsl::Result<ContainerImage>)>;
  using Waiting = std::vector<std::function<void(dsl::Result<std::string>)>>;

  Impl(EventLoop& the_loop,
       ContainerApi& the_api,
       const ContainerProgram& the_program,
       std::string the_store)
      : loop(the_loop), api(the_api), program(the_program), store(std::move(the_store)) {}

  EventLoop& loop;
  ContainerApi& api;
  const ContainerProgram& program;
  const std::string store;
  std::map<Key, ContainerImage> present;
  std::map<Key, Waiting> wanted;
  std::map<std::uint64_t, std::unique_ptr<Process>> feeders;  // `tar`, feeding an import
  std::uint64_t next_feeder = 1;
  std::shared_ptr<Impl*> self = std::make_shared<Impl*>(this);  // for callbacks that outlive us

  /// Wraps a callback so that it does nothing once we are gone.
  template <class... Arguments>
  std::function<void(Arguments...)> guarded(
      std::type_identity_t<std::function<void(Impl&, Arguments...)>> then) {
    return [weak = std::weak_ptr<Impl*>(self), then = std::move(then)](Arguments... arguments) {
      if (const auto alive = weak.lock())
        then(**alive, std::move(arguments)...);
    };
  }

  void finish(const Key& key, dsl::Result<ContainerImage> result) {
    Waiting waiting = std::move(wanted[key]);
    wanted.erase(key);
    if (result)
      present[key] = *result;
    for (const auto& done : waiting) {
      if (result)
        done(result->id);
      else
        done(result.error());
    }
  }

  /// `missing` is called where the engine has no image of that name.
  void look_up(const std::string& name, const Key& key, std::function<void()> missing) {
    ApiCall inspect;
    inspect.path = "/images/" + name + "/json";  // slashes and colons stay as they are
    api.call(inspect, [this, name, key, missing = std::move(missing)](dsl::Result<ApiReply> reply) {
      if (!reply)
        finish(key, reply.error());
      else if (reply->status == 404)
        missing();
      else if (!reply->ok())
        finish(key, dsl::Error{fmt::format("image '{}': {}", name, reply->message()), ""});
      else
        finish(key, read_image(reply->body));
    });
  }

  void find_again(const std::string& name, const Key& key) {
    look_up(name, key, [this, name, key] {
      finish(key,
             dsl::Error{fmt::format("image '{}' is still not there after it was made", name), ""});
    });
  }

  /// Runs the engine's own program; then the image must be there.
  void make(std::vector<std::string> arguments,
            int input,
            const std::string& name,
            const Key& key,
            const std::string& what,
            const std::string& remedy,
            std::function<void(const Finished&)> then = nullptr) {
    SpawnRequest request;
    request.argv = {program.command};
    request.argv.insert(
        request.argv.end(), program.service_options.begin(), program.service_options.end());
    request.argv.insert(request.argv.end(), arguments.begin(), arguments.end());
    request.env = program.variables;
    if (input >= 0)
      request.descriptors.emplace_back(input, STDIN_FILENO);
    run_to_end(loop,
               request,
               kMakeTimeout,
               kOutputCap,
               guarded<dsl::Result<Finished>>(
                   [name, key, what, remedy, then](Impl& us, dsl::Result<Finished> finished) {
                     if (!finished)
                       us.finish(key, finished.error().within(what));
                     else if (!finished->ok())
                       us.finish(key, dsl::Error{what + ": " + last_line(finished->err), remedy});
                     else if (then)
                       then(*finished);
                     else
                       us.find_again(name, key);
                   }));
  }

  void pull(const dsl::Image& image) {
    const std::string& name = image.reference;
    const std::string remedy = fmt::format(
        "check the name and the network, or make it present: {0} pull, {0} load, {0} build -t {1}",
        program.name == dsl::EngineName::Docker ? "docker" : "podman",
        name);
    if (program.command.empty()) {
      finish(key_of(image), dsl::Error{fmt::format("image '{}' is not present", name), remedy});
      return;
    }
    make({"pull", "--quiet", name},
         -1,
         name,
         key_of(image),
         fmt::format("image '{}' is not present and cannot be pulled", name),
         remedy);
  }

  void build(const dsl::Image& image, const std::string& tag) {
    make({"build", "--quiet", "--force-rm", "--tag", tag, "--file", image.reference, image.context},
         -1,
         tag,
         key_of(image),
         fmt::format("build '{}'", image.reference),
         "run it yourself to see all it says: docker build -f " + image.reference + " " +
             image.context);
  }

  /// `docker import` takes a tar stream; a folder is packed on the way, as it is.
  void import_folder(const dsl::Image& image, const std::string& tag) {
    const Key key = key_of(image);
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) {
      finish(key, files::system_error("import", image.reference, errno));
      return;
    }
    const Fd read_end(ends[0]);
    const Fd write_end(ends[1]);
    SpawnRequest tar;
    tar.argv = {"tar",
                "--directory",
                image.reference,
                "--numeric-owner",
                "--one-file-system",
                "--create",
                "."};
    tar.env = program.variables;
    tar.descriptors = {{write_end.get(), STDOUT_FILENO}};
    const std::uint64_t feeder = next_feeder++;
    // It ends before the import does, which reads to its end; the import tells what went wrong.
    auto started = Process::spawn(loop, tar, [](int) {});
    if (!started) {
      finish(key, started.error().within("import '" + image.reference + "'"));
      return;
    }
    feeders[feeder] = std::move(*started);
    make({"import", "-", tag},
         read_end.get(),
         tag,
         key,
         fmt::format("import '{}'", image.reference),
         "it must be the root folder of a Linux system, readable by you",
         [this, feeder, tag, key](const Finished&) {
           feeders.erase(feeder);
           find_again(tag, key);
         });
  }

  /// What was loaded is told in the last line: "Loaded image ID: sha256:…" ("Loaded image: …").
  void load(const dsl::Image& image, const std::string& tag) {
    auto copy = std::make_shared<dsl::Result<Fd>>(dsl::Error{});
    loop.run_blocking([copy, image] { *copy = nameless_image(image.reference); },
                      guarded<>([copy, image, tag](Impl& us) {
                        if (*copy)
                          us.load_copy(**copy, image, tag);
                        else
                          us.finish(key_of(image), copy->error());
                      }));
  }

  void load_copy(const Fd& copy, const dsl::Image& image, const std::string& tag) {
    const Key key = key_of(image);
    make({"load"},
         copy.get(),
         tag,
         key,
         fmt::format("load '{}'", image.reference),
         "it must be what `docker save` writes; for an OCI layout use the engine 'podman' or "
         "'sandbox'",
         [this, tag, key](const Finished& finished) {
           const std::string line = last_line(finished.out);
           const std::size_t colon = line.find(": ");
           if (colon == std::string::npos) {
             finish(key, dsl::Error{"load: the engine does not say which image it loaded", ""});
             return;
           }
           make({"tag", line.substr(colon + 2), tag}, -1, tag, key, "tag '" + tag + "'", "");
         });
  }

  void make_own(const dsl::Image& image, const std::string& tag) {
    look_up(tag, key_of(image), [this, image, tag] {
      if (image.kind == dsl::Image::Kind::Build)
        build(image, tag);
      else if (image.kind == dsl::Image::Kind::RootFs)
        import_folder(image, tag);
      else
        load(image, tag);
    });
  }

  void refuse(const Key& key, const std::string& why) {
    loop.post(guarded<>([key, why](Impl& us) {
      us.finish(key, dsl::Error{why, "name an image, such as 'debian:bookworm-slim'"});
    }));
  }

  void start(const dsl::Image& image) {
    const Key key = key_of(image);
    switch (image.kind) {
      case dsl::Image::Kind::Reference:
        if (!dsl::is_image_reference(image.reference)) {
          refuse(key, dsl::quoted(image.reference) + " is no image reference");
          return;
        }
        look_up(image.reference, key, [this, image] { pull(image); });
        return;
      case dsl::Image::Kind::Build:
      case dsl::Image::Kind::RootFs:
      case dsl::Image::Kind::OciArchive: {
        auto tag = std::make_shared<dsl::Result<std::string>>(dsl::Error{});
        loop.run_blocking([tag, image, whose = store] { *tag = image_tag(image, whose); },
                          guarded<>([tag, image](Impl& us) {
                            if (*tag)
                              us.make_own(image, **tag);
                            else
                              us.finish(key_of(image), tag->error());
                          }));
        return;
      }
      case dsl::Image::Kind::Host:
      case dsl::Image::Kind::Devcontainer:
        refuse(key, "a container engine has no such kind of image");
        return;
    }
  }
};

ContainerImages::ContainerImages(EventLoop& loop,
                                 ContainerApi& api,
                                 const ContainerProgram& program,
                                 std::string store)
    : impl_(std::make_unique<Impl>(loop, api, program, std::move(store))) {}

ContainerImages::~ContainerImages() = default;

void ContainerImages::prepare(const dsl::Image& image,
                              std::function<void(dsl::Result<std::string>)> done) {
  if (const ContainerImage* known = find(image)) {
    impl_->loop.post([done = std::move(done), id = known->id] { done(id); });
    return;
  }
  auto& waiting = impl_->wanted[key_of(image)];
  waiting.push_back(std::move(done));
  if (waiting.size() == 1)
    impl_->start(image);
}

const ContainerImage* ContainerImages::find(const dsl::Image& image) const {
  const auto found = impl_->present.find(key_of(image));
  return found == impl_->present.end() ? nullptr : &found->second;
}

}  // namespace runner
