// Files of this machine that a task sees.

#include <string_view>

#include <fmt/format.h>

#include "dsl/parse_task_parts.h"

namespace dsl {
namespace {

constexpr Field<MountSpec> kMountFields[] = {
    {"source", into<&MountSpec::source, read_word>, Need::Required},
    {"target", into<&MountSpec::target, read_word>, Need::Required},
    {"writable", into<&MountSpec::writable, read_flag>},
};
constexpr Record<MountSpec> kMount{"a mount", kMountFields};

/// "SOURCE:TARGET", as Docker's users write it; with ":rw" or ":ro" at its end.
MountSpec read_short_mount(const Text& text, Findings& findings) {
  MountSpec mount;
  std::string_view rest = text.value;
  if (rest.ends_with(":rw") || rest.ends_with(":ro")) {
    mount.writable = {rest.ends_with(":rw"), text.span};
    rest.remove_suffix(3);
  }
  const std::size_t colon = rest.find(':');
  if (colon == 0 || colon == std::string_view::npos || colon + 1 == rest.size() ||
      rest.find(':', colon + 1) != std::string_view::npos) {
    findings.error(kBadMount,
                   text.span,
                   fmt::format("{} is no mount", quoted(text.value)),
                   "write SOURCE:TARGET, or SOURCE:TARGET:rw; where a path has a colon, "
                   "{source: …, target: …}");
    return {};
  }
  mount.source = {rest.substr(0, colon), text.span};
  mount.target = {rest.substr(colon + 1), text.span};
  return mount;
}

}  // namespace

StatedList<MountSpec> parse_mounts(YamlValue key, YamlValue value, Findings& findings) {
  StatedList<MountSpec> mounts;
  if (value.kind() != YamlValue::Kind::List) {
    report_wrong_kind(value,
                      quoted(key.text()),
                      "a list of mounts",
                      "write [\"~/data:/data\"], or [{source: ~/data, target: /data}]",
                      findings);
    return mounts;
  }
  mounts.span = key.span();
  value.each_item([&](YamlValue item) {
    MountSpec mount;
    if (item.kind() == YamlValue::Kind::Scalar) {
      mount = read_short_mount({item.text(), item.span()}, findings);
    } else {
      read_record(item, item.span(), kMount, mount, findings);
    }
    if (mount.source && mount.target) {
      mounts.items.push_back(mount);
    }
  });
  return mounts;
}

void append_mount_keys(KnownKeys& known) {
  append_keys(kMount, "mount", known);
}

}  // namespace dsl
