#pragma once

// Files and folders, handled so that what a job left behind cannot lead us astray: nothing here
// follows a symbolic link beneath the folder it was given, leaves that folder, or blocks on a FIFO.
// Every Error names the path and the system's reason. Any thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include "dsl/result.h"
#include "runner/sys/fd.h"

namespace runner::files {

/// "context 'path': <text of errno>", with the remedy for a full or read-only file system.
dsl::Error system_error(std::string_view context, const std::string& path, int error_number);

// ---- Paths --------------------------------------------------------------------------------------

/// root + "/" + relative. An Error where `relative` is empty, absolute, has a NUL or a ".." name.
dsl::Result<std::string> join_below(const std::string& root, const std::string& relative);

/// The path without symbolic links, absolute. An Error where it does not exist.
dsl::Result<std::string> real_path(const std::string& path);

/// Every byte that is a control character, a backslash or no valid UTF-8 as \xHH: for messages.
std::string printable(std::string_view path);

// ---- Opening ------------------------------------------------------------------------------------

/// A folder, by a path that we ourselves made up: links in it are followed, but not a last one.
dsl::Result<Fd> open_folder(const std::string& path);

/// Opens `relative` beneath the folder `root`: no links, no "..", no other file system. `flags` as
/// for open(2); O_CLOEXEC, O_NOCTTY and O_NONBLOCK are added. Returns -1 and errno like open(2).
Fd open_beneath(int root, const char* relative, int flags);

// ---- Reading and writing ------------------------------------------------------------------------

/// The bytes of a regular file beneath `root`. An Error for links, devices, FIFOs, what leads out
/// of `root`, and files of more than `cap` bytes ("… is larger than …").
dsl::Result<std::string> read_beneath(const std::string& root,
                                      const std::string& relative,
                                      std::int64_t cap);
dsl::Result<std::string> read_beneath(int root, const std::string& relative, std::int64_t cap);

/// The bytes of a regular file at a path of our own; links are followed.
dsl::Result<std::string> read_file(const std::string& path, std::int64_t cap);

enum class Durable { Yes, No };

/// Writes a temporary file beside `path` and renames it. On Error what was at `path` is unchanged.
/// Durable::Yes: the file survives a crash of the machine once this returns.
dsl::Status write_atomically(const std::string& path,
                             std::string_view bytes,
                             Durable durable,
                             mode_t mode = 0644);

/// All bytes, whatever write(2) takes at once. False: errno says why.
bool write_all(int fd, std::string_view bytes);

/// From the current place of `from` to its end: as a shared extent where the file system can, else
/// within the kernel, else through a buffer. False: errno says why.
bool copy_contents(int from, int to);

/// A file, a link, or a folder with all that is in it, as a new one. Names are relative to the open
/// folders; devices, sockets and FIFOs are left out, modes beyond 0777 dropped.
dsl::Status copy_tree(int from_folder,
                      const std::string& from,
                      int to_folder,
                      const std::string& to);

// ---- Folders ------------------------------------------------------------------------------------

/// With all folders above it; success where it is there already.
dsl::Status make_directories(const std::string& path, mode_t mode = 0755);

/// A new empty folder "<parent>/<prefix>XXXXXX".
dsl::Result<std::string> make_temporary_folder(const std::string& parent,
                                               const std::string& prefix);

/// Removes a file, or a folder with all that is in it: never through a link, whatever the depth,
/// read-only folders too. Success where nothing is there. On Error some of it may be left.
dsl::Status remove_tree(const std::string& path);

/// Removes all that is in a folder but what has one of the names; as remove_tree otherwise.
dsl::Status remove_contents(int folder, std::span<const std::string_view> kept);

/// The names in a folder (without "." and ".."), in no order. Returns false and errno on failure.
bool list_names(int folder, std::vector<std::string>& names);

/// What a folder and all beneath it take on the disk, in bytes; 0 where it is not there. What
/// changes meanwhile is counted or not. No value: it cannot be told (nested too deeply).
std::optional<std::int64_t> disk_use(const std::string& path);

/// Calls `each` with every name; false from it ends the walk. Quicker than list_names.
bool for_each_name(int folder,
                   const std::function<bool(const char* name, unsigned char type)>& each);

/// What tells one state of a file from another without reading it: kind, mode, size, inode, and
/// when it was modified and changed. The last is what nobody can set back.
std::string stamp_of(const struct stat& status);

/// The wall clock that files are stamped by, in nanoseconds since the epoch. Finer than the stamps
/// themselves.
std::int64_t clock_ns();

/// Gives a file a time of modification of our own.
dsl::Status set_modified(const std::string& path, std::int64_t at_ns);

/// Flushes the file system that holds the path.
dsl::Status flush_file_system(const std::string& path);

}  // namespace runner::files
