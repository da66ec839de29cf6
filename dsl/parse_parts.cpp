#include "dsl/parse_parts.h"

#include <algorithm>

#include <fmt/format.h>

namespace dsl {
namespace {

// ---- image -----------------------------------------------------------------------------------

struct BuildKeys {
  Text dockerfile;
  Text context;
};

constexpr Field<BuildKeys> kBuildFields[] = {
    {"dockerfile", into<&BuildKeys::dockerfile, read_word>, Need::Required},
    {"context", into<&BuildKeys::context, read_word>},
};
constexpr Record<BuildKeys> kBuild{"an image to build", kBuildFields};

void set_image(
    Image::Kind kind, const Text& reference, YamlValue key, ImageSpec& image, Findings& findings) {
  if (image.reference) {
    findings.error(kExclusiveKeys,
                   key.span(),
                   "an image is one of 'build', 'devcontainer', 'rootfs' and 'archive'",
                   "keep one of them");
    return;
  }
  image.kind = kind;
  image.reference = reference;
}

constexpr Field<ImageSpec> kImageFields[] = {
    {"build",
     [](YamlValue key, YamlValue value, ImageSpec& image, Findings& findings) {
       BuildKeys build;
       if (value.kind() != YamlValue::Kind::Map) {  // the short form, as Compose has it
         build.dockerfile = read_word(key, value, findings);
         set_image(Image::Kind::Build, build.dockerfile, key, image, findings);
       } else if (read_record(value, key.span(), kBuild, build, findings)) {
         set_image(Image::Kind::Build, build.dockerfile, key, image, findings);
         image.context = build.context;
       }
     }},
    {"devcontainer",
     [](YamlValue key, YamlValue value, ImageSpec& image, Findings& findings) {
       set_image(Image::Kind::Devcontainer, read_word(key, value, findings), key, image, findings);
     }},
    {"rootfs",
     [](YamlValue key, YamlValue value, ImageSpec& image, Findings& findings) {
       set_image(Image::Kind::RootFs, read_word(key, value, findings), key, image, findings);
     }},
    {"archive",
     [](YamlValue key, YamlValue value, ImageSpec& image, Findings& findings) {
       set_image(Image::Kind::OciArchive, read_word(key, value, findings), key, image, findings);
     }},
};
constexpr Record<ImageSpec> kImage{"an image", kImageFields};

// ---- resources, workspace --------------------------------------------------------------------

Stated<std::int64_t> read_pids(YamlValue key, YamlValue value, Findings& findings) {
  return read_integer(key, value, 1, 4'194'304, findings);
}

/// Docker takes no less, and with less no shell starts.
Stated<Bytes> read_memory(YamlValue key, YamlValue value, Findings& findings) {
  constexpr Bytes kLeast{std::int64_t{6} << 20};
  const Stated<Bytes> memory = read_bytes(key, value, findings);
  if (memory && memory.value.count < kLeast.count) {
    findings.error(
        kOutOfRange,
        memory.span,
        fmt::format("{} of memory is too little to start a program in", to_text(memory.value)),
        "the least is " + to_text(kLeast));
    return {};
  }
  return memory;
}

constexpr Field<ResourcesSpec> kResourcesFields[] = {
    {"cpus", into<&ResourcesSpec::cpus, read_cpus>},
    {"memory", into<&ResourcesSpec::memory, read_memory>},
    {"pids", into<&ResourcesSpec::pids, read_pids>},
    {"disk", into<&ResourcesSpec::disk, read_bytes>},
};
constexpr Record<ResourcesSpec> kResources{"resources", kResourcesFields};

constexpr Field<WorkspaceSpec> kTaskWorkspaceFields[] = {
    {"mode", into<&WorkspaceSpec::mode, read_enum<Workspace::Mode>>},
    {"protect", into<&WorkspaceSpec::protect, parse_paths>},
    {"flagged", into<&WorkspaceSpec::flagged, read_enum<Flagged>>},
};
constexpr Record<WorkspaceSpec> kTaskWorkspace{"a task's workspace", kTaskWorkspaceFields};

constexpr Field<WorkspaceSpec> kWorkspaceFields[] = {
    {"source", into<&WorkspaceSpec::source, read_plain_word>},
    {"mode", into<&WorkspaceSpec::mode, read_enum<Workspace::Mode>>},
    {"protect", into<&WorkspaceSpec::protect, parse_paths>},
    {"flagged", into<&WorkspaceSpec::flagged, read_enum<Flagged>>},
};
constexpr Record<WorkspaceSpec> kWorkspace{"the workspace", kWorkspaceFields};

// ---- services --------------------------------------------------------------------------------

Stated<std::int64_t> read_port(YamlValue key, YamlValue value, Findings& findings) {
  return read_integer(key, value, 1, 65'535, findings);
}

Text read_shell(YamlValue key, YamlValue value, Findings& findings) {
  const Text shell = read_plain_word(key, value, findings);
  if (shell && shell.value != "sh" && shell.value != "bash") {
    report_unknown_word(shell, key.text(), {"sh", "bash"}, findings);
    return {};
  }
  return shell;
}

constexpr Field<ServiceSpec> kServiceFields[] = {
    {"run", into<&ServiceSpec::command, parse_command>},
    {"shell", into<&ServiceSpec::shell, read_shell>},
    {"image", into<&ServiceSpec::image, parse_image>},
    {"env", into<&ServiceSpec::env, parse_env>},
    {"port", into<&ServiceSpec::port, read_port>},
    {"ready_timeout", into<&ServiceSpec::ready_timeout, read_duration>},
};
constexpr Record<ServiceSpec> kService{"a service", kServiceFields};

}  // namespace

CommandSpec parse_command(YamlValue key, YamlValue value, Findings& findings) {
  CommandSpec command;
  if (value.kind() == YamlValue::Kind::Map) {
    report_wrong_kind(value,
                      quoted(key.text()),
                      "a command",
                      "write it as a text for a shell, or as a list: [make, all]",
                      findings);
    return command;
  }
  if (value.kind() != YamlValue::Kind::List) {
    command.script = read_word(key, value, findings);
    return command;
  }
  command.argv = read_texts(key, value, findings);
  if (value.size() == 0) {
    findings.error(kEmptyValue,
                   key.span(),
                   fmt::format("{} is an empty list", quoted(key.text())),
                   "write the program and its arguments, or a text for a shell");
    command.argv = {};
  }
  return command;
}

std::vector<NamedText> parse_env(YamlValue key, YamlValue value, Findings& findings) {
  auto env = read_named_texts(key, value, findings);
  std::erase_if(env,
                [&](const NamedText& entry) { return !check_variable_name(entry.name, findings); });
  return env;
}

Section<ImageSpec> parse_image(YamlValue key, YamlValue value, Findings& findings) {
  if (value.kind() == YamlValue::Kind::Map) {
    auto image = read_section(key, value, kImage, findings);
    if (image != nullptr && image->reference) {
      image->span = key.span();
      return image;
    }
    if (value.size() == 0) {
      findings.error(kEmptyValue,
                     key.span(),
                     "'image' is an empty map",
                     "write a reference like 'debian:bookworm-slim', or 'host'");
    }
    return nullptr;
  }
  const Text reference = read_word(key, value, findings);
  if (!reference) {
    return nullptr;
  }
  auto image = std::make_unique<ImageSpec>();
  image->kind = reference.value == "host" ? Image::Kind::Host : Image::Kind::Reference;
  image->reference = reference;
  image->span = reference.span;
  return image;
}

Section<ResourcesSpec> parse_resources(YamlValue key, YamlValue value, Findings& findings) {
  return read_section(key, value, kResources, findings);
}

StatedList<Text> parse_paths(YamlValue key, YamlValue value, Findings& findings) {
  StatedList<Text> paths = read_texts(key, value, findings);
  std::erase_if(paths.items,
                [&](const Text& path) { return !check_path(path, "the path", findings); });
  return paths;
}

std::vector<ServiceSpec> parse_service_map(YamlValue key, YamlValue value, Findings& findings) {
  std::vector<ServiceSpec> services;
  if (value.kind() != YamlValue::Kind::Map) {
    report_wrong_kind(value,
                      quoted(key.text()),
                      "a map of services",
                      "write NAME: {run: COMMAND, port: 8080}",
                      findings);
    return services;
  }
  value.each_entry([&](YamlValue name, YamlValue body) {
    ServiceSpec service;
    service.name = {name.text(), name.span()};
    check_name(service.name, "a service", findings);
    if (!read_record(body, name.span(), kService, service, findings)) {
      return;
    }
    if (!service.command && !service.image) {
      findings.error(kMissingKey,
                     name.span(),
                     fmt::format("the service {} starts nothing", quoted(name.text())),
                     "add 'run:', or an 'image:' that has a program of its own");
    }
    services.push_back(std::move(service));
  });
  return services;
}

Section<ServicesSpec> parse_services(YamlValue key, YamlValue value, Findings& findings) {
  auto services = std::make_unique<ServicesSpec>();
  if (value.kind() == YamlValue::Kind::Map) {
    services->own = parse_service_map(key, value, findings);
  } else {
    services->names = read_texts(key, value, findings).items;
  }
  return services;
}

Section<WorkspaceSpec> parse_task_workspace(YamlValue key, YamlValue value, Findings& findings) {
  return read_section(key, value, kTaskWorkspace, findings);
}

Section<WorkspaceSpec> parse_pipeline_workspace(YamlValue key,
                                                YamlValue value,
                                                Findings& findings) {
  auto workspace = read_section(key, value, kWorkspace, findings);
  if (workspace != nullptr) {  // the plan shows these paths as they are
    std::erase_if(workspace->protect.items,
                  [&](const Text& path) { return refuse_expression(path, "'protect'", findings); });
  }
  return workspace;
}

void append_parts_keys(KnownKeys& known) {
  append_keys(kImage, "image", known);
  append_keys(kBuild, "image_build", known);
  append_keys(kResources, "resources", known);
  append_keys(kWorkspace, "workspace", known);
  append_keys(kTaskWorkspace, "task_workspace", known);
  append_keys(kService, "service", known);
}

}  // namespace dsl
