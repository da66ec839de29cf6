// What a node leaves as files, against whoever takes them: cases A20 to A31 and A46 of list A.
// Each attack is also done where nobody guards, and must succeed there.

#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/adversarial/attacked.h"
#include "tests/engine/image_maker.h"

namespace adversarial {
namespace {

namespace fs = std::filesystem;
using e2e::Ended;
using e2e::Engine;
using e2e::read_text;
using e2e::run;
using testing::AnyOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class Files : public Attacked {};

constexpr const char* kMet = "    success_criteria: [{'[ ] ok': 'true'}]\n";

// A20.
TEST_P(Files, FollowsNoLinkOutOfTheWorkspace) {
  constexpr const char* kCheck =
      "    success_criteria: [{'[ ] it': {file: {path: result.txt, contains: root}}}]\n";
  const auto file = [&](const std::string& how) {
    folder_.write("p.yaml",
                  "version: 1\nname: hostile\nengine: " + name_of(GetParam()) +
                      "\nimage: " + image() + "\ntasks:\n  a:\n    run: " + how + "\n" + kCheck);
    return run(pipe({"run", "p.yaml"}));
  };
  const Ended linked = file("ln -s /etc/passwd result.txt");
  EXPECT_EQ(linked.exit_code, 1);
  EXPECT_THAT(linked.err, HasSubstr("a link leads out of the workspace"));
  EXPECT_THAT(linked.out + linked.err, Not(HasSubstr("root:x:")));
  EXPECT_EQ(file("echo root > result.txt").exit_code, 0) << "the check can be met";
  note_blocked("A20 a link to /etc/passwd as a result", GetParam(), "not followed");
}

// A27 to A29, A31: what git would run of a repository that a node left.
TEST_P(Files, RunsNothingOfARepositoryThatANodeLeft) {
  const std::string marker = around_.path() / "marker";
  const std::string plant =
      "mkdir -p .git/hooks .git/objects .git/refs nested/.git; "
      "echo 'ref: refs/heads/main' > .git/HEAD; "
      "printf '[core]\\n\\tfsmonitor = touch " +
      marker + "; false\\n\\trepositoryformatversion = 0\\n[filter \"x\"]\\n\\tclean = touch " +
      marker +
      "\\n' > .git/config; cp -r .git/. nested/.git/; "
      "for hook in pre-commit post-checkout reference-transaction post-index-change; do "
      "printf '#!/bin/sh\\ntouch " +
      marker +
      "\\n' > .git/hooks/$hook; chmod +x .git/hooks/$hook; done; "
      "echo '* filter=x' > .gitattributes; echo text > file.txt";
  const e2e::TempFolder bait;
  ASSERT_EQ(run({{"sh", "-c", plant}, bait.path().string(), {}}).exit_code, 0);
  static_cast<void>(run({{"git", "status"}, bait.path().string(), {}}));
  ASSERT_TRUE(std::filesystem::remove(marker)) << "whoever runs git there runs the attack";

  folder_.write(
      "p.yaml",
      "version: 1\nname: hostile\nengine: " + name_of(GetParam()) + "\nimage: " + image() +
          "\ntasks:\n  a:\n    run: |\n      " + plant +
          "\n    success_criteria: [{'[ ] it': {file: {path: file.txt, contains: text}}}]\n"
          "  b:\n    needs: [a]\n    run: cat file.txt\n"
          "    success_criteria: [{'[ ] it': 'true'}]\n");
  const Ended ended = run(pipe({"run", "p.yaml"}));
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_FALSE(std::filesystem::exists(marker));
  note_blocked("A27 A28 A29 A31 git configuration, hooks, filters, nested repositories",
               GetParam(),
               "nobody ran them");
}

// The same under names that only other systems take for `.git`: none reaches the project.
TEST_P(Files, NothingIsTakenThatAnotherSystemTakesForARepository) {
  const Ended ended = run_plain(
      "tasks:\n  a:\n    run: |\n"
      "      for name in .GIT .Git. 'git~1' '.git::$INDEX_ALLOCATION' \"$(printf "
      "'.g\\342\\200\\214it')\"; do\n"
      "        mkdir -p \"$name/hooks\" \"sub/$name\"; echo evil > \"$name/config\"\n"
      "        echo evil > \"sub/$name/config\"; done\n"
      "      echo fine > 'git~2'\n" +
      std::string(kMet));
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out + ended.err, HasSubstr("repository data of a job is not taken"));
  for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
    EXPECT_NE(entry.path().filename(), "config") << entry.path();
  }
  EXPECT_EQ(read_text(folder_.path() / "git~2"), "fine\n");
  note_blocked("A31 .git as Windows and macOS spell it", GetParam(), "not taken");
}

// A21.
TEST_P(Files, AFifoAsAnOutputBlocksNobody) {
  const auto leaves = [&](const std::string& command) {
    return run_plain(
        "tasks:\n  a:\n    run: " + command + "\n    outputs: {said: {file: result.txt}}\n" + kMet,
        std::string("x") + std::to_string(command.size()));
  };
  const Ended fifo = leaves("mkfifo result.txt");
  EXPECT_EQ(fifo.exit_code, 1) << fifo.out << fifo.err;
  EXPECT_THAT(fifo.out + fifo.err, HasSubstr("not a regular file"));
  EXPECT_EQ(leaves("echo fine > result.txt").exit_code, 0) << "an output can be taken";
  // Who opens it as a file never comes back.
  const Ended naive = on_the_machine("mkfifo f; timeout 1 cat f", around_.path().string());
  EXPECT_EQ(naive.exit_code, 124);
  note({"A21 a FIFO as a declared output", kNoEngine, "gets through: a reader hangs"});
  note_blocked("A21 a FIFO as a declared output", GetParam(), "no regular file, and not opened");
}

// A22: the first run delivers a link in the place of a folder, the second writes below it.
TEST_P(Files, NothingIsDeliveredThroughALinkThatAnEarlierRunPlanted) {
  const e2e::TempFolder victim;
  const std::string outside = victim.path().string();
  const Ended planted = run_plain("tasks:\n  a:\n    run: ln -s " + outside + " d\n" + kMet);
  ASSERT_EQ(planted.exit_code, 0) << planted.out << planted.err;
  ASSERT_TRUE(fs::is_symlink(folder_.path() / "d"));
  EXPECT_THAT(planted.out, HasSubstr("flagged: d: a link that leads out of the project"));
  // Who copies a file to the same place writes through it.
  ASSERT_EQ(on_the_machine("echo marker > d/naive").exit_code, 0);
  ASSERT_TRUE(fs::exists(victim.path() / "naive"));

  const Ended second = run_plain(
      "tasks:\n  b:\n    run: rm d && mkdir d && echo marker > d/f\n" + std::string(kMet), "two");
  EXPECT_EQ(second.exit_code, 0) << second.out << second.err;
  EXPECT_FALSE(fs::exists(victim.path() / "f"));
  EXPECT_TRUE(fs::is_directory(fs::symlink_status(folder_.path() / "d")));
  EXPECT_EQ(read_text(folder_.path() / "d/f"), "marker\n");
  note({"A22 a link where a folder was", kNoEngine, "gets through: a copy follows it"});
  note_blocked("A22 a link where a folder was", GetParam(), "replaced, never followed");
}

// A23: archives are read as images, and by nobody else.
TEST_P(Files, AnArchiveWritesNothingOutsideItsImage) {
  using runner::TarEntry;
  using Kind = TarEntry::Kind;
  const std::string outside = around_.path().string();
  const std::string victim = around_.write("victim", "untouched\n");
  const fs::path marker = around_.path() / "marker";
  const std::string up = "../../../../../../../../../../../..";
  const TarEntry link{Kind::Link, "out", outside};
  const TarEntry through{Kind::File, "out/marker", "marker"};
  const std::vector<std::vector<std::vector<TarEntry>>> images = {
      {{{Kind::File, up + marker.string(), "marker"}}},
      {{{Kind::File, marker.string(), "marker"}}},
      {{link, through}},
      {{link}, {through}},
      {{{Kind::HardLink, "hard", victim}, {Kind::File, "hard", "changed"}}},
      {{{Kind::HardLink, "hard", up + victim}, {Kind::File, "hard", "changed"}}},
  };
  around_.write("layer.tar", make_tar(images[0][0]));
  static_cast<void>(on_the_machine("mkdir in && tar -C in -xPf layer.tar", outside));
  ASSERT_TRUE(fs::remove(marker)) << "who unpacks it in good faith writes there";
  note({"A23 an archive that leads out", kNoEngine, "gets through: it is unpacked outside"});
  for (std::size_t i = 0; i < images.size(); ++i) {
    runner::TestImage image;
    image.layers = images[i];
    folder_.write("image.tar", make_docker_archive(image));
    folder_.write("p.yaml",
                  "version: 1\nname: attacked\nengine: " + engine() +
                      "\nimage: {archive: image.tar}\ntasks:\n  a:\n    run: 'true'\n" + kMet);
    const Ended ended = run(pipe({"run", "p.yaml", "--name", "x" + std::to_string(i)}));
    EXPECT_NE(ended.exit_code, 0) << i << ": it has no shell either" << ended.out;
    EXPECT_FALSE(fs::exists(marker)) << i;
    EXPECT_EQ(read_text(victim), "untouched\n") << i;
  }
  note_blocked("A23 an archive that leads out", GetParam(), "nothing is written outside the image");
}

// A24 to A26: everything that a file system has and a tree must not.
TEST_P(Files, TakesOddFilesAsDataOrNotAtAll) {
  const Ended bare = on_the_machine(std::string(PIPE_ATTACK) + " files", around_.path().string());
  ASSERT_THAT(bare.out, Not(HasSubstr("refused"))) << "the machine itself makes all of them";
  note({"A24 special files and setuid bits", kNoEngine, "gets through: all of them are made"});

  const Ended ended = run_plain("tasks:\n  a:\n    run: ./attack files\n" + std::string(kMet));
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(log("a"), HasSubstr("device refused"));
  for (const char* const special : {"a-fifo", "a-socket", "a-device", "a-giant"}) {
    EXPECT_FALSE(fs::exists(fs::symlink_status(folder_.path() / special))) << special;
  }
  for (const char* const taken : {"a-setuid", "-rf", "Same", "sAME", "two\nlines"}) {
    struct stat status {};
    ASSERT_EQ(stat((folder_.path() / taken).c_str(), &status), 0) << taken;
    EXPECT_EQ(status.st_mode & (S_ISUID | S_ISGID | S_ISVTX), 0U) << taken;
  }
  note_blocked("A24 special files and setuid bits", GetParam(), "not taken; bits dropped");
  EXPECT_THAT(ended.out, HasSubstr("a-giant: larger than"));
  // Nothing of the hole was ever written down.
  const Ended size = run({{"du", "-sm", user_.state()}, "", {}});
  EXPECT_LT(std::stoi(size.out), 100) << size.out;
  note_blocked("A25 a sparse file of 900 GB", GetParam(), "refused unread");

  for (const std::string& text : {ended.out, ended.err, run(pipe({"show", "one"})).out}) {
    EXPECT_THAT(text, Not(AnyOf(HasSubstr("\x1b"), HasSubstr("\a"))));
  }
  const auto json = nlohmann::json::parse(shown(), nullptr, false);
  ASSERT_FALSE(json.is_discarded());
  std::string flagged;
  for (const auto& one : json["nodes"][0]["flagged"]) {
    flagged += one["path"].get<std::string>() + ": " + one["why"].get<std::string>() + "\n";
  }
  EXPECT_THAT(flagged, HasSubstr("a-link: a link that leads out"));
  EXPECT_THAT(flagged, HasSubstr("two\nlines: its name holds characters that do not show"));
  EXPECT_THAT(flagged, HasSubstr("'sAME' and 'Same' for one"));
  note({"A26 names that move a terminal", kNoEngine, "gets through: a listing shows them raw"});
  note_blocked("A26 names that move a terminal", GetParam(), "escaped, flagged; the JSON is valid");
}

// What runs elsewhere once it is in the project.
TEST_P(Files, WhatRunsElsewhereWaitsForAPersonWhereThePipelineSaysSo) {
  const auto pipeline = [](const std::string& rule, const std::string& command) {
    return "workspace: {flagged: " + rule + "}\ntasks:\n  a:\n    run: " + command + "\n" + kMet;
  };
  const std::string plant = "mkdir -p .github/workflows && echo workflow > .github/workflows/x.yml";
  const Ended asked = run_plain(pipeline("approve", plant));
  EXPECT_EQ(asked.exit_code, 4) << asked.out << asked.err;
  EXPECT_THAT(asked.err,
              HasSubstr("waits for a person: '.github/workflows/x.yml': GitHub Actions"));
  EXPECT_THAT(asked.out, HasSubstr("flagged: .github/workflows/x.yml: GitHub Actions runs it"));
  EXPECT_FALSE(fs::exists(folder_.path() / ".github"));
  ASSERT_EQ(run(pipe({"approve", "one", "a"})).exit_code, 0);
  EXPECT_EQ(run(pipe({"resume", "one"})).exit_code, 0);
  EXPECT_TRUE(fs::exists(folder_.path() / ".github/workflows/x.yml"));
  const Ended refused =
      run_plain(pipeline("refuse", "mkdir .vscode && echo {} > .vscode/tasks.json"), "two");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.out, HasSubstr(".vscode/tasks.json: editors run what it says"));
  EXPECT_FALSE(fs::exists(folder_.path() / ".vscode"));
  EXPECT_EQ(run_plain(pipeline("refuse", "echo x > ordinary"), "three").exit_code, 0);
  note_blocked("A27 a workflow that GitHub would run", GetParam(), "waits for a person, or fails");
}

// What judges, and the pipeline itself, can be read and not written; with few files and with many.
TEST_P(Files, WhatIsProtectedIsReadOnly) {
  folder_.write("checks/verify", "judge\n");
  const std::string text =
      "workspace: {protect: [checks/, '*.lock']}\ntasks:\n  a:\n    run: |\n"
      "      for file in checks/verify checks/new p.yaml a.lock; do\n"
      "        if (echo x > $file) 2> /dev/null; then echo wrote $file; exit 1; fi\n"
      "      done\n"
      "      if rm -rf checks 2> /dev/null; then echo removed; exit 1; fi\n"
      "      cat checks/verify; echo fine > other\n" +
      std::string(kMet) +
      "  b:\n    workspace: {mode: readonly}\n    run: if touch new 2> /dev/null; then exit 1; fi; "
      "echo read > $PIPE_OUTPUTS/v\n    outputs: {v: string}\n" +
      kMet;
  folder_.write("a.lock", "locked\n");
  for (const char* const name : {"few", "many"}) {
    const Ended ended = run_plain(text, name);
    EXPECT_EQ(ended.exit_code, 0) << name << ended.out << ended.err;
    EXPECT_EQ(run(pipe({"logs", name, "a"})).out, "judge\n");
    EXPECT_THAT(ended.out, Not(HasSubstr("warning")));
    EXPECT_EQ(read_text(folder_.path() / "checks/verify"), "judge\n");
    for (int i = 0; i < 40; ++i) {  // so that the next one is an overlay, where there are any
      folder_.write("more/" + std::to_string(i), "x");
    }
  }
  note({"A57 a task writes to what is protected", kNoEngine, "gets through: files can be written"});
  note_blocked("A57 a task writes to what is protected", GetParam(), "read-only");
}

// A46: the terminal of whoever looks.
TEST_P(Files, LogsDoNotMoveTheTerminalOfWhoReadsThem) {
  const std::string evil =
      "\x1b]0;owned\a\x1b]52;c;ZXZpbA==\a\x1b]8;;http://evil.test\x1b\\"
      "click\x1b[2J\x1b[6n"
      "\xc2\x9b"
      "5n";
  folder_.write("evil", evil + " done\n");
  const Ended ended = run_plain(
      "tasks:\n  a:\n    run: cat evil; exit 3\n    success_criteria: [{'[ ] ok': cat evil}]\n");
  EXPECT_EQ(ended.exit_code, 1);
  const auto is_inert = [](const std::string& text) {
    for (const char* const sequence :
         {"\x1b]", "\x1b[2J", "\x1b[6n", "\xc2\x9b", "\x1b\\", "\x1bP"}) {
      EXPECT_THAT(text, Not(HasSubstr(sequence)));
    }
  };
  is_inert(ended.out + ended.err);
  // With a terminal: as people run it, and read it afterwards.
  const auto in_a_terminal = [&](const std::string& arguments) {
    e2e::Start start = pipe({});
    const std::string program = start.argv.back();
    start.argv.back() = "script";
    for (const std::string& word :
         {std::string("-qec"), program + " " + arguments, std::string("/dev/null")}) {
      start.argv.push_back(word);
    }
    start.env["TERM"] = "xterm";
    return run(start).out;
  };
  for (const char* const command :
       {"run p.yaml --name two", "logs one", "logs one a -n 5", "show one", "attach one", "ls"}) {
    const std::string text = in_a_terminal(command);
    EXPECT_FALSE(text.empty()) << command;
    is_inert(text);
  }
  EXPECT_THAT(in_a_terminal("logs one a"), HasSubstr("done"));
  // Who reads the file itself gets it all.
  EXPECT_THAT(on_the_machine("cat evil").out, HasSubstr("\x1b]52"));
  note({"A46 escape sequences in a log", kNoEngine, "gets through: they reach the terminal"});
  note_blocked("A46 escape sequences in a log", GetParam(), "inert in run, logs, show, attach, ls");
}

INSTANTIATE_FOR_ENGINES(Files);

}  // namespace
}  // namespace adversarial
