#include "runner/init/person.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/init/file.h"
#include "runner/init/text.h"

namespace runner::init {
namespace {

/// The n-th of a line's fields, which colons part; they end at a colon or the line's end.
const char* field_of(const char* line, int n) {
  for (; n > 0; --n) {
    line += strcspn(line, ":\n");
    line += *line == ':' ? 1 : 0;
  }
  return line;
}

bool is_field(const char* field, const char* text, size_t size) {
  return strncmp(field, text, size) == 0 && strcspn(field, ":\n") == size;
}

long number_in(const char* field) {
  char digits[16];
  const size_t size = strcspn(field, ":\n");
  if (size >= sizeof(digits)) {
    return -1;
  }
  memcpy(digits, field, size);
  digits[size] = '\0';
  return parse_number(digits);
}

/// A line of /etc/passwd or /etc/group whose field `n` is this text; null where there is none.
const char* find_line(const char* file, int n, const char* text, size_t size) {
  for (const char* line = file; line != nullptr && *line != '\0';) {
    if (is_field(field_of(line, n), text, size)) {
      return line;
    }
    line = strchr(line, '\n');
    line += line != nullptr ? 1 : 0;
  }
  return nullptr;
}

bool find_group(const char* text, gid_t* gid) {
  long found = parse_number(text);
  if (found < 0) {
    char* const groups = read_file("/etc/group");
    const char* const line = find_line(groups, 0, text, strlen(text));
    found = line != nullptr ? number_in(field_of(line, 2)) : -1;
    free(groups);
  }
  *gid = static_cast<gid_t>(found);
  return found >= 0;
}

/// What `name` in the open folder is, and all beneath it; links are not followed.
void give_entry(int folder, const char* name, const Person& person) {
  struct stat status {};
  if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return;
  }
  if (status.st_uid != person.uid || status.st_gid != person.gid) {
    static_cast<void>(fchownat(folder, name, person.uid, person.gid, AT_SYMLINK_NOFOLLOW));
  }
  const int inner =
      S_ISDIR(status.st_mode) ? openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) : -1;
  DIR* const entries = inner >= 0 ? fdopendir(inner) : nullptr;
  if (entries == nullptr) {
    return;
  }
  while (const dirent* const entry = readdir(entries)) {
    if (!same(entry->d_name, ".") && !same(entry->d_name, "..")) {
      give_entry(inner, entry->d_name, person);
    }
  }
  closedir(entries);
}

}  // namespace

bool find_person(const char* text, Person* person) {
  const size_t size = strcspn(text, ":");
  // Numbers end at a colon there, as fields do.
  const long number = number_in(text);
  char* const people = read_file("/etc/passwd");
  const char* const line = find_line(people, number >= 0 ? 2 : 0, text, size);
  const long uid = line != nullptr ? number_in(field_of(line, 2)) : number;
  const long gid = line != nullptr ? number_in(field_of(line, 3)) : number;
  free(people);
  *person = {static_cast<uid_t>(uid), static_cast<gid_t>(gid), text};
  const bool has_group = text[size] == ':';
  return uid >= 0 && (has_group ? find_group(text + size + 1, &person->gid) : gid >= 0);
}

void give(char* const* folders, const Person& person) {
  for (; *folders != nullptr; ++folders) {
    give_entry(AT_FDCWD, *folders, person);
  }
}

bool become_person(const Person& person) {
  return setgroups(0, nullptr) == 0 && setgid(person.gid) == 0 && setuid(person.uid) == 0;
}

}  // namespace runner::init
