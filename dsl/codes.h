#pragma once

// The stable codes of the compiler's diagnostics (expressions and scripts have P07xx, see
// expression_check.h and shell.h). A code keeps its meaning for ever; one that is no longer used is
// not given to something else.

#include <string_view>

namespace dsl {

// P01xx: the file is no text, or no YAML
inline constexpr std::string_view kUnreadable = "P0101";
inline constexpr std::string_view kNotText = "P0102";
inline constexpr std::string_view kTooLarge = "P0103";
inline constexpr std::string_view kSyntax = "P0104";
inline constexpr std::string_view kEmptyFile = "P0105";
inline constexpr std::string_view kSecondDocument = "P0106";
inline constexpr std::string_view kDuplicateKey = "P0107";
inline constexpr std::string_view kUnknownTag = "P0108";
inline constexpr std::string_view kMergeKey = "P0109";
inline constexpr std::string_view kUnusedAnchor = "P0110";
inline constexpr std::string_view kUnknownAnchor = "P0111";
inline constexpr std::string_view kUnfinishedAlias = "P0112";
inline constexpr std::string_view kAliasBomb = "P0113";
inline constexpr std::string_view kTooDeep = "P0114";
inline constexpr std::string_view kBadKey = "P0115";
inline constexpr std::string_view kBareCheckbox = "P0116";
inline constexpr std::string_view kBareExpression = "P0117";
inline constexpr std::string_view kBareGlob = "P0118";
inline constexpr std::string_view kOpenQuote = "P0119";

// P02xx: the shape: keys and kinds of values
inline constexpr std::string_view kUnknownKey = "P0201";
inline constexpr std::string_view kForeignWord = "P0202";
inline constexpr std::string_view kMissingKey = "P0203";
inline constexpr std::string_view kWrongKind = "P0204";
inline constexpr std::string_view kEmptyValue = "P0205";
inline constexpr std::string_view kUnknownWord = "P0206";
inline constexpr std::string_view kExclusiveKeys = "P0207";
inline constexpr std::string_view kBadVersion = "P0208";
inline constexpr std::string_view kRepeatedItem = "P0209";
inline constexpr std::string_view kUselessKey = "P0210";
inline constexpr std::string_view kNoExpression = "P0211";

// P03xx: single values
inline constexpr std::string_view kBadName = "P0301";
inline constexpr std::string_view kBadUnit = "P0302";
inline constexpr std::string_view kOutOfRange = "P0303";
inline constexpr std::string_view kBadPath = "P0304";
inline constexpr std::string_view kBadVariable = "P0305";
inline constexpr std::string_view kBadFirewallEntry = "P0306";
inline constexpr std::string_view kBadUrl = "P0307";
inline constexpr std::string_view kBadPointer = "P0308";
inline constexpr std::string_view kBadPattern = "P0309";
inline constexpr std::string_view kReservedName = "P0310";
inline constexpr std::string_view kBadSecretHost = "P0311";
inline constexpr std::string_view kBadHeader = "P0312";
inline constexpr std::string_view kBadPermission = "P0313";
inline constexpr std::string_view kBadCommitMessage = "P0314";
inline constexpr std::string_view kBadMount = "P0315";
inline constexpr std::string_view kBadDevcontainer = "P0316";

// P04xx: names and order
inline constexpr std::string_view kNameTaken = "P0401";
inline constexpr std::string_view kUnknownTask = "P0402";
inline constexpr std::string_view kLaterPhase = "P0403";
inline constexpr std::string_view kCycle = "P0404";
inline constexpr std::string_view kUnknownPhase = "P0405";
inline constexpr std::string_view kUnknownPool = "P0406";
inline constexpr std::string_view kUnknownService = "P0407";
inline constexpr std::string_view kNoTasks = "P0408";
inline constexpr std::string_view kUnusedDefinition = "P0409";
inline constexpr std::string_view kSameOutputFile = "P0410";

// P05xx: limits and engines
inline constexpr std::string_view kPartExceedsWhole = "P0501";
inline constexpr std::string_view kEngineCannot = "P0502";
inline constexpr std::string_view kTimeoutExceedsBudget = "P0503";
inline constexpr std::string_view kPartsExceedWhole = "P0504";
inline constexpr std::string_view kUselessSecret = "P0505";
inline constexpr std::string_view kSecretOutOfReach = "P0506";
inline constexpr std::string_view kFreeModel = "P0507";
inline constexpr std::string_view kFailureIsDone = "P0508";
inline constexpr std::string_view kCheaperWhenLong = "P0509";

// P06xx: inputs, `uses`, matrix
inline constexpr std::string_view kUnknownStep = "P0601";
inline constexpr std::string_view kStepUnreadable = "P0602";
inline constexpr std::string_view kStepOutside = "P0603";
inline constexpr std::string_view kStepCycle = "P0604";
inline constexpr std::string_view kUnknownInput = "P0605";
inline constexpr std::string_view kMissingInput = "P0606";
inline constexpr std::string_view kInputType = "P0607";
inline constexpr std::string_view kMatrixTooLarge = "P0608";
inline constexpr std::string_view kMatrixEmpty = "P0609";
inline constexpr std::string_view kMatrixValue = "P0610";
inline constexpr std::string_view kMatrixKey = "P0611";
inline constexpr std::string_view kForEachType = "P0612";
inline constexpr std::string_view kNoPrompt = "P0613";

// P08xx: success criteria
inline constexpr std::string_view kNotABox = "P0801";
inline constexpr std::string_view kTickedBox = "P0802";
inline constexpr std::string_view kNoCheck = "P0803";
inline constexpr std::string_view kNoCriteria = "P0804";
inline constexpr std::string_view kNoServiceNamed = "P0805";
inline constexpr std::string_view kNotLoopback = "P0806";
inline constexpr std::string_view kPointlessCheck = "P0807";

}  // namespace dsl
