#include "dsl/devcontainer.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "dsl/importer.h"
#include "dsl/render.h"
#include "dsl/value.h"

namespace dsl {
namespace {

/// Of editors, of ports that are forwarded to a person, and of when a person's container stops.
constexpr std::array<std::string_view, 15> kForPersons = {"$schema",
                                                          "name",
                                                          "customizations",
                                                          "forwardPorts",
                                                          "portsAttributes",
                                                          "otherPortsAttributes",
                                                          "appPort",
                                                          "shutdownAction",
                                                          "overrideCommand",
                                                          "updateRemoteUserUID",
                                                          "userEnvProbe",
                                                          "waitFor",
                                                          "init",
                                                          "postAttachCommand",
                                                          "context"};

/// Keys with what to do instead.
struct Refused {
  std::string_view key;
  const char* remedy;
};
constexpr Refused kRefused[] = {
    {"features", "put what they install into a Dockerfile, and name it under 'build'"},
    {"dockerComposeFile", "write its services under 'services:', and name the image"},
    {"service", "write it under 'services:', and name the image"},
    {"runArgs", "write what they ask for in the pipeline: 'resources:', 'env:', 'mounts:'"},
    {"privileged", "remove it: no task has that; 'docker: broker' gives it containers"},
    {"capAdd", "remove it: no task gets more capabilities than 'user: root' has"},
    {"securityOpt", "remove it: what a container may do is not the project's to say"},
    {"initializeCommand", "run it yourself: a pipeline runs nothing on the machine itself"},
    {"workspaceMount", "remove it: the workspace is at /workspace"},
    {"hostRequirements", "write 'resources:' in the pipeline"},
};

/// JSON, from what editors take for it: comments and last commas become blanks, so that places in
/// messages stay.
std::string as_json(std::string_view text) {
  std::string json(text);
  std::size_t comma = std::string::npos;  // with nothing but blanks behind it so far
  for (std::size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (c == '"') {
      comma = std::string::npos;
      for (++at; at < json.size() && json[at] != '"'; ++at) {
        at += json[at] == '\\' ? 1U : 0U;
      }
    } else if (c == '/' && json.compare(at, 2, "//") == 0) {
      const std::size_t end = std::min(json.find('\n', at), json.size());
      std::fill(json.begin() + static_cast<std::ptrdiff_t>(at),
                json.begin() + static_cast<std::ptrdiff_t>(end),
                ' ');
    } else if (c == '/' && json.compare(at, 2, "/*") == 0) {
      const std::size_t close = json.find("*/", at + 2);
      const std::size_t end = close == std::string::npos ? json.size() : close + 2;
      for (; at < end; ++at) {
        json[at] = json[at] == '\n' ? '\n' : ' ';
      }
      --at;
    } else if (c == ',') {
      comma = at;
    } else if (c == '}' || c == ']') {
      if (comma != std::string::npos) {
        json[comma] = ' ';
      }
      comma = std::string::npos;
    } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
      comma = std::string::npos;
    }
  }
  return json;
}

class Reader {
 public:
  explicit Reader(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    folder_ = slash == std::string_view::npos ? "" : std::string(path.substr(0, slash + 1));
  }

  Devcontainer read(const Value::Record& record) {
    for (const auto& [key, value] : record) {
      read(key, value);
    }
    if (read_.image.reference.empty() && read_.problems.empty()) {
      problem("names neither an 'image' nor a 'build'", "add one of them");
    }
    // In the order in which an editor runs them.
    for (const std::string& lines : {on_create_, update_content_, post_create_, post_start_}) {
      read_.setup += lines;
    }
    return std::move(read_);
  }

 private:
  void problem(std::string message, std::string remedy) {
    read_.problems.push_back({std::move(message), std::move(remedy)});
  }

  void read(const std::string& key, const Value& value) {
    const auto refused = std::find_if(
        std::begin(kRefused), std::end(kRefused), [&](const auto& r) { return r.key == key; });
    if (refused != std::end(kRefused)) {
      const bool asks_nothing = value == Value(false) || value == Value(Value::List{}) ||
                                value == Value(Value::Record{}) || value.is_null();
      if (!asks_nothing) {
        problem(fmt::format("has '{}', which no pipeline can give", key), refused->remedy);
      }
    } else if (key == "image") {
      read_.image = {Image::Kind::Reference, text(key, value), ""};
    } else if (key == "build") {
      read_build(value);
    } else if (key == "dockerFile") {
      set_build(text(key, value), "");
    } else if (key == "containerEnv" || key == "remoteEnv") {
      read_env(key, value);
    } else if (key == "remoteUser") {
      read_.user = text(key, value);
    } else if (key == "containerUser") {
      read_.user = read_.user.empty() ? text(key, value) : read_.user;
    } else if (key == "mounts") {
      read_mounts(value);
    } else if (key == "onCreateCommand") {
      on_create_ = commands(key, value);
    } else if (key == "updateContentCommand") {
      update_content_ = commands(key, value);
    } else if (key == "postCreateCommand") {
      post_create_ = commands(key, value);
    } else if (key == "postStartCommand") {
      post_start_ = commands(key, value);
    } else if (key == "workspaceFolder") {
      if (text(key, value) != "/workspace") {
        problem("has a 'workspaceFolder'", "remove it: the workspace is at /workspace");
      }
    } else if (std::find(kForPersons.begin(), kForPersons.end(), key) == kForPersons.end()) {
      problem(fmt::format("has {}, which is not known here", quoted(key)), "remove it");
    }
  }

  /// With its variables put in. Those of the machine are no business of a plan.
  std::string text(std::string_view key, const Value& value) {
    const auto* const written = std::get_if<std::string>(&value.held);
    if (written == nullptr) {
      problem(fmt::format("has a '{}' that is no text", key), "write it as a text");
      return "";
    }
    std::string result;
    for (std::size_t at = 0; at < written->size();) {
      const std::size_t begin = std::min(written->find("${", at), written->size());
      result += written->substr(at, begin - at);
      if (begin == written->size()) {
        break;
      }
      const std::size_t end = std::min(written->find('}', begin), written->size());
      const std::string name = written->substr(begin + 2, end - begin - 2);
      if (name == "localWorkspaceFolder") {
        result += project();
      } else if (name == "containerWorkspaceFolder") {
        result += "/workspace";
      } else {
        problem(fmt::format("has '${{{}}}' in its '{}', which a plan cannot know", name, key),
                "write the value itself, or set it in the pipeline");
      }
      at = end + 1;
    }
    return result;
  }

  /// The folder that holds the file, or the `.devcontainer` that it lies in: an editor's workspace.
  [[nodiscard]] std::string project() const {
    std::string folder = folder_;
    const std::string own = ".devcontainer/";
    if (folder == own || folder.ends_with("/" + own)) {
      folder.resize(folder.size() - own.size());
    }
    return folder.empty() ? "." : folder.substr(0, folder.size() - 1);
  }

  void read_build(const Value& value) {
    const auto* const build = std::get_if<Value::Record>(&value.held);
    if (build == nullptr) {
      problem("has a 'build' that is no record", "write {\"dockerfile\": \"Dockerfile\"}");
      return;
    }
    std::string file;
    std::string context;
    for (const auto& [key, part] : *build) {
      if (key == "dockerfile") {
        file = text(key, part);
      } else if (key == "context") {
        context = text(key, part);
      } else {
        problem(fmt::format("has {} under 'build', which is not known here", quoted(key)),
                "put it into the Dockerfile");
      }
    }
    set_build(file, context);
  }

  /// Both are relative to the file.
  void set_build(const std::string& file, const std::string& context) {
    if (file.empty()) {
      problem("has a 'build' without a 'dockerfile'", "add it");
      return;
    }
    read_.image = {Image::Kind::Build,
                   beneath_pipeline(file),
                   beneath_pipeline(context.empty() ? "." : context)};
  }

  /// A path of the file, from the pipeline's folder.
  std::string beneath_pipeline(const std::string& path) {
    const auto whole = resolve_step_path("./" + path, folder_);
    if (!whole || path.starts_with('/')) {
      problem(fmt::format("names {}, which leads out of the pipeline's folder", quoted(path)),
              "put the pipeline file above it");
      return "";
    }
    return whole->empty() ? "." : *whole;
  }

  void read_env(const std::string& of, const Value& value) {
    const auto* const variables = std::get_if<Value::Record>(&value.held);
    if (variables == nullptr) {
      problem(fmt::format("has a '{}' that is no record", of), "write {\"NAME\": \"value\"}");
      return;
    }
    for (const auto& [name, content] : *variables) {
      if (content.is_null()) {
        continue;  // an editor takes the variable away; here nobody has set it
      }
      std::erase_if(read_.env, [&, &key = name](const auto& known) { return known.first == key; });
      read_.env.emplace_back(name, text(name, content));
    }
  }

  /// One command: a text for a shell, a list of arguments, or a record of several.
  std::string commands(const std::string& key, const Value& value) {
    if (const auto* const several = std::get_if<Value::Record>(&value.held); several != nullptr) {
      std::string lines;
      for (const auto& [name, one] : *several) {
        lines += commands(name, one);
      }
      return lines;
    }
    if (const auto* const words = std::get_if<Value::List>(&value.held); words != nullptr) {
      std::string line;
      for (const Value& word : *words) {
        std::string quoted_word = text(key, word);
        for (std::size_t at = 0; (at = quoted_word.find('\'', at)) != std::string::npos; at += 4) {
          quoted_word.replace(at, 1, "'\\''");
        }
        line += (line.empty() ? "'" : " '") + quoted_word + "'";
      }
      return line.empty() ? "" : line + "\n";
    }
    const std::string line = value.is_null() ? "" : shell_text(key, value);
    return line.empty() ? "" : line + "\n";
  }

  /// A shell's own ${…} stay.
  std::string shell_text(const std::string& key, const Value& value) {
    const auto* const written = std::get_if<std::string>(&value.held);
    if (written == nullptr || written->find("${localEnv:") != std::string::npos ||
        written->find("${localWorkspaceFolder") != std::string::npos) {
      return text(key, value);
    }
    std::string result = *written;
    const std::string folder = "${containerWorkspaceFolder}";
    for (std::size_t at = 0; (at = result.find(folder, at)) != std::string::npos;) {
      result.replace(at, folder.size(), "/workspace");
    }
    return result;
  }

  /// "source=…,target=…,type=bind,readonly", or a record of these.
  void read_mounts(const Value& value) {
    const auto* const list = std::get_if<Value::List>(&value.held);
    if (list == nullptr) {
      problem("has 'mounts' that are no list", "write a list of texts");
      return;
    }
    for (const Value& each : *list) {
      Value::Record parts;
      if (const auto* const record = std::get_if<Value::Record>(&each.held); record != nullptr) {
        parts = *record;
      } else {
        parts = parts_of(text("mounts", each));
      }
      read_mount(parts);
    }
  }

  static Value::Record parts_of(const std::string& written) {
    Value::Record parts;
    for (std::size_t begin = 0; begin < written.size();) {
      const std::size_t end = std::min(written.find(',', begin), written.size());
      const std::string part = written.substr(begin, end - begin);
      const std::size_t equals = std::min(part.find('='), part.size());
      parts.emplace_back(part.substr(0, equals),
                         Value(equals < part.size() ? part.substr(equals + 1) : ""));
      begin = end + 1;
    }
    return parts;
  }

  void read_mount(const Value::Record& parts) {
    HostMount mount{"", "", true};
    std::string kind = "volume";
    for (const auto& [key, value] : parts) {
      if (key == "source" || key == "src") {
        mount.source = text(key, value);
      } else if (key == "target" || key == "dst" || key == "destination") {
        mount.target = text(key, value);
      } else if (key == "type") {
        kind = text(key, value);
      } else if (key == "readonly" || key == "ro") {
        mount.writable = false;
      } else if (key != "consistency") {
        problem(fmt::format("has a mount with {}, which is not known here", quoted(key)),
                "remove it");
      }
    }
    if (kind != "bind") {
      problem(fmt::format("mounts a '{}' at {}", kind, quoted(mount.target)),
              "write a 'cache:' for what should be kept, or a mount of type 'bind'");
      return;
    }
    read_.mounts.push_back(std::move(mount));
  }

  std::string folder_;  // of the file; "" or with its '/'
  Devcontainer read_;
  std::string on_create_;
  std::string update_content_;
  std::string post_create_;
  std::string post_start_;
};

}  // namespace

Devcontainer read_devcontainer(std::string_view text, std::string_view path) {
  const auto value = value_from_json(as_json(text));
  const auto* const record = value ? std::get_if<Value::Record>(&(*value).held) : nullptr;
  if (record == nullptr) {
    Devcontainer nothing;
    nothing.problems.push_back(
        value ? Error{"is no record", "write {\"image\": \"debian:bookworm-slim\"}"}
              : value.error());
    return nothing;
  }
  return Reader(path).read(*record);
}

}  // namespace dsl
