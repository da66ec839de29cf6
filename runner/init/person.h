#pragma once

// Whom a command runs as, and whose the files are that it leaves.

#include <sys/types.h>

namespace runner::init {

struct Person {
  uid_t uid = 0;
  gid_t gid = 0;
  const char* name = "";  // as it was asked for
};

/// "NAME", "N", "NAME:GROUP" or "N:M"; names are looked up in the container's own /etc/passwd and
/// /etc/group. Without a group: the person's own, where passwd has them, else N. False: nobody.
bool find_person(const char* text, Person* person);

/// Everything in these folders (null-terminated) and they themselves become the person's, links as
/// links. What cannot be given stays as it is: who reads the folders afterwards says so.
void give(char* const* folders, const Person& person);

/// The calling process becomes the person, for good. False: errno.
bool become_person(const Person& person);

}  // namespace runner::init
