#include "runner/cli/run_logs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "runner/report/columns.h"
#include "runner/report/escape.h"
#include "runner/store/job_files.h"
#include "runner/sys/fd.h"
#include "runner/sys/files.h"

namespace runner::cli {
namespace {

constexpr std::size_t kLongestLine = 64U << 10U;  // a longer one is shown in parts

/// "criterion-2" as "criterion 2"; of "red-1" says what it is.
std::string job_text(std::string_view part) {
  const std::size_t dash = part.find('-');
  if (dash == std::string_view::npos) {
    return std::string(part);
  }
  const std::string_view word = part.substr(0, dash);
  const std::string rest(part.substr(dash + 1));
  return word == "red" ? "criterion " + rest + " before" : std::string(word) + " " + rest;
}

/// Where the last `count` lines of the first `size` bytes begin.
std::int64_t start_of_last_lines(int fd, std::int64_t size, std::int64_t count) {
  std::array<char, 16U << 10U> buffer{};
  std::int64_t end = size;
  std::int64_t lines = -1;  // the line feed at the very end ends the last line, it begins none
  while (end > 0 && count > 0) {
    const std::int64_t begin =
        std::max<std::int64_t>(0, end - static_cast<std::int64_t>(buffer.size()));
    const ssize_t got = ::pread(fd, buffer.data(), static_cast<std::size_t>(end - begin), begin);
    if (got <= 0) {
      return begin;
    }
    for (ssize_t i = got - 1; i >= 0; --i) {
      const bool feed = buffer[static_cast<std::size_t>(i)] == '\n';
      const bool last_byte = begin + i == size - 1;
      if (last_byte && !feed) {
        lines = 0;
      }
      if (feed && ++lines == count) {
        return begin + i + 1;
      }
    }
    end = begin;
  }
  return count > 0 ? 0 : size;
}

}  // namespace

bool parse_log_name(std::string_view file, std::string_view stem, LogPart& part) {
  if (!file.starts_with(stem) || !file.ends_with(".log") || file.size() < stem.size() + 6 ||
      file[stem.size()] != '.') {
    return false;
  }
  std::string_view rest = file.substr(stem.size() + 1, file.size() - stem.size() - 5);
  const auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), part.attempt);
  if (failure != std::errc{}) {
    return false;
  }
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  if (rest.ends_with(".ready")) {
    return false;
  }
  part.job.clear();
  while (!rest.empty()) {
    if (rest.front() != '.') {
      return false;
    }
    rest.remove_prefix(1);
    const std::size_t next = std::min(rest.find('.'), rest.size());
    part.job += (part.job.empty() ? "" : ", ") + job_text(rest.substr(0, next));
    rest.remove_prefix(next);
  }
  return true;
}

std::string part_label(const LogPart& part) {
  if (part.attempt <= 1) {
    return part.job;
  }
  return fmt::format("attempt {}{}", part.attempt, part.job.empty() ? "" : ", " + part.job);
}

std::string last_log_line(const std::string& run_folder,
                          const dsl::NodeId& node,
                          std::int64_t attempt) {
  const std::string path = fmt::format("{}/logs/{}.{}.log", run_folder, log_stem(node), attempt);
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    return {};
  }
  std::array<char, 2048> buffer{};
  const std::int64_t begin =
      std::max<std::int64_t>(0, status.st_size - static_cast<std::int64_t>(buffer.size()));
  const ssize_t got = ::pread(fd.get(), buffer.data(), buffer.size(), begin);
  if (got <= 0) {
    return {};
  }
  std::string_view text(buffer.data(), static_cast<std::size_t>(got));
  const std::size_t end = text.rfind('\n');
  if (end == std::string_view::npos) {
    return {};
  }
  text = text.substr(0, end);
  const std::size_t line = text.rfind('\n');
  return std::string(line == std::string_view::npos ? text : text.substr(line + 1));
}

LogReader::LogReader(std::string run_folder,
                     const std::vector<dsl::NodeId>& nodes,
                     Labels labels,
                     std::int64_t last_lines)
    : folder_(std::move(run_folder) + "/logs"), labels_(labels), last_lines_(last_lines) {
  for (const dsl::NodeId& node : nodes) {
    add(node);
  }
}

void LogReader::add(const dsl::NodeId& node) {
  if (node_by_stem_.emplace(log_stem(node), nodes_.size()).second) {
    nodes_.push_back(node);
  }
}

void LogReader::look_for_files() {
  const auto folder = files::open_folder(folder_);
  std::vector<std::string> names;
  if (!folder || !files::list_names(folder->get(), names)) {
    return;  // no job has started yet
  }
  for (const std::string& name : names) {
    const std::string stem = name.substr(0, name.find('.'));
    const auto node = node_by_stem_.find(stem);
    LogPart part;
    if (node == node_by_stem_.end() || !parse_log_name(name, stem, part) ||
        files_.contains({node->second, part})) {
      continue;
    }
    File file;
    file.path = folder_ + "/" + name;
    file.label = report::one_line(part_label(part));
    if (labels_ == Labels::NodesAndParts) {
      const std::string id = report::one_line(nodes_[node->second].value);
      file.label = file.label.empty() ? id : id + " " + file.label;
    }
    if (!first_look_) {
      file.offset = 0;  // began while we were looking: it is shown whole
    }
    label_width_ = std::max(label_width_, report::columns(file.label));
    files_.emplace(std::pair(node->second, part), std::move(file));
  }
  first_look_ = false;
}

/// What has come together of a line.
void LogReader::give(Files::value_type& entry, const Take& take) const {
  const auto& [node, part] = entry.first;
  File& file = entry.second;
  take({file.label, file.rest, nodes_[node], part});
  file.rest.clear();
}

std::size_t LogReader::read_file(Files::value_type& entry, const Take& take) {
  File& file = entry.second;
  struct stat status {};
  if (::lstat(file.path.c_str(), &status) != 0 || status.st_size == file.offset) {
    return 0;
  }
  const Fd fd(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) {
    return 0;
  }
  if (file.offset < 0) {
    file.offset = last_lines_ < 0 ? 0 : start_of_last_lines(fd.get(), status.st_size, last_lines_);
  }
  std::array<char, 64U << 10U> buffer{};
  std::size_t read = 0;
  while (true) {
    const ssize_t got = ::pread(fd.get(), buffer.data(), buffer.size(), file.offset);
    if (got <= 0) {
      return read;
    }
    file.offset += got;
    read += static_cast<std::size_t>(got);
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = bytes.find('\n'); end != std::string_view::npos;
         end = bytes.find('\n')) {
      file.rest += bytes.substr(0, end + 1);
      give(entry, take);
      bytes.remove_prefix(end + 1);
    }
    file.rest += bytes;
    if (file.rest.size() >= kLongestLine) {
      give(entry, take);
    }
  }
}

std::size_t LogReader::read_new(const Take& take) {
  look_for_files();
  std::size_t read = 0;
  for (auto& entry : files_) {
    read += read_file(entry, take);
  }
  return read;
}

void LogReader::read_rest(const Take& take) {
  look_for_files();
  for (auto& entry : files_) {
    read_file(entry, take);
    if (!entry.second.rest.empty()) {
      give(entry, take);
    }
  }
}

}  // namespace runner::cli
