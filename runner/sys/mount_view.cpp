#include "runner/sys/mount_view.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <sys/mount.h>
#include <unistd.h>

#include <climits>

namespace runner {
namespace {

/// Is `path` the folder or beneath it?
bool is_in(std::string_view path, std::string_view folder) {
  return folder == "/" || (path.substr(0, folder.size()) == folder &&
                           (path.size() == folder.size() || path[folder.size()] == '/'));
}

/// proc(5): blanks, tabs, newlines and backslashes are written as three octal digits.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

/// In the order in which they were made: what covers another comes after it.
std::vector<std::string> mount_points() {
  std::ifstream table("/proc/thread-self/mountinfo");
  std::vector<std::string> points;
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string id;
    std::string parent;
    std::string device;
    std::string root;
    std::string point;
    if (fields >> id >> parent >> device >> root >> point) {
      points.push_back(unescape(point));
    }
  }
  return points;
}

std::string real_path(const std::string& path) {
  char real[PATH_MAX];
  return realpath(path.c_str(), real) != nullptr ? real : path;
}

/// Leaves the calling thread alone in a namespace without the mounts that nobody needs.
bool enter_view(const std::vector<std::string>& needed) {
  if (unshare(CLONE_NEWNS) != 0 || chdir("/") != 0 ||
      mount("none", "/", nullptr, MS_SLAVE | MS_REC, nullptr) != 0) {
    return false;
  }
  std::vector<std::string> real;
  std::transform(needed.begin(), needed.end(), std::back_inserter(real), real_path);
  const std::vector<std::string> points = mount_points();
  for (auto point = points.rbegin(); point != points.rend(); ++point) {
    const bool is_needed = std::any_of(real.begin(), real.end(), [&](const std::string& path) {
      return is_in(path, *point) || is_in(*point, path);
    });
    if (!is_needed) {
      static_cast<void>(umount2(point->c_str(), MNT_DETACH | UMOUNT_NOFOLLOW));
    }
  }
  return true;
}

}  // namespace

MountView::MountView(std::vector<std::string> needed) : needed_(std::move(needed)) {
  thread_ = std::thread([this] { live(); });
}

std::unique_ptr<MountView> MountView::make(std::vector<std::string> needed) {
  std::unique_ptr<MountView> view(new MountView(std::move(needed)));
  {
    std::unique_lock lock(view->mutex_);
    view->changed_.wait(lock, [&] { return view->state_ != State::Starting; });
    if (view->state_ == State::Idle) {
      lock.unlock();
      return view;
    }
  }
  return nullptr;
}

MountView::~MountView() {
  {
    const std::lock_guard lock(mutex_);
    state_ = State::Ending;
  }
  changed_.notify_all();
  thread_.join();
}

bool MountView::shows(std::string_view path) const {
  return std::any_of(needed_.begin(), needed_.end(), [&](const std::string& needed) {
    return is_in(path, needed);
  });
}

void MountView::run(const std::function<void()>& work) {
  std::unique_lock lock(mutex_);
  work_ = &work;
  state_ = State::Working;
  changed_.notify_all();
  changed_.wait(lock, [this] { return state_ == State::Idle; });
}

void MountView::live() {
  const bool entered = enter_view(needed_);
  std::unique_lock lock(mutex_);
  state_ = entered ? State::Idle : State::Refused;
  changed_.notify_all();
  while (entered) {
    changed_.wait(lock, [this] { return state_ == State::Working || state_ == State::Ending; });
    if (state_ == State::Ending) {
      return;
    }
    (*work_)();
    state_ = State::Idle;
    changed_.notify_all();
  }
}

}  // namespace runner
