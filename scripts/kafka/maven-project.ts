/** All versions are pinned here; what these packages need is pinned by themselves. */
export const KAFKA_VERSION = "4.3.1";
/** Kafka logs through SLF4J 1.7, and leaves the choice of what is behind it to its users. */
const LOG4J_VERSION = "2.25.4";

// The console tools are packed with those of Kafka Connect, whose libraries nobody here needs.
const CONNECT = ["connect-api", "connect-json", "connect-runtime"];

const COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

interface Artifact {
  readonly group: string;
  readonly name: string;
  readonly version: string;
  readonly without?: readonly string[];
}

const ARTIFACTS: readonly Artifact[] = [
  { group: "org.apache.kafka", name: "kafka_2.13", version: KAFKA_VERSION },
  { group: "org.apache.kafka", name: "kafka-tools", version: KAFKA_VERSION, without: CONNECT },
  { group: "org.apache.logging.log4j", name: "log4j-slf4j-impl", version: LOG4J_VERSION },
];

/** Names a set of jars, so that other pins are another installation. */
export const JARS_NAME = `${KAFKA_VERSION}-log4j-${LOG4J_VERSION}`;

/** A Maven project whose dependencies are a Kafka broker and its tools. */
export function projectText(): string {
  const exclusion = (name: string): string =>
    `        <exclusion><groupId>org.apache.kafka</groupId><artifactId>${name}</artifactId></exclusion>`;
  const dependency = ({ group, name, version, without = [] }: Artifact): readonly string[] => [
    "    <dependency>",
    `      <groupId>${group}</groupId>`,
    `      <artifactId>${name}</artifactId>`,
    `      <version>${version}</version>`,
    ...(without.length > 0 ? ["      <exclusions>", ...without.map(exclusion), "      </exclusions>"] : []),
    "    </dependency>",
  ];
  return [
    "<project>",
    "  <modelVersion>4.0.0</modelVersion>",
    "  <groupId>tallylake</groupId>",
    "  <artifactId>kafka</artifactId>",
    "  <version>1</version>",
    "  <packaging>pom</packaging>",
    "  <dependencies>",
    ...ARTIFACTS.flatMap(dependency),
    "  </dependencies>",
    "</project>",
    "",
  ].join("\n");
}

/** Arguments for Maven that download the jars of the project into a folder. */
export function copyArgs(paths: {
  readonly project: string;
  readonly repository: string;
  readonly jars: string;
}): readonly string[] {
  return [
    "--batch-mode",
    "--quiet",
    "--strict-checksums",
    "-Dstyle.color=never",
    `-Dmaven.repo.local=${paths.repository}`,
    `--file=${paths.project}`,
    COPY_DEPENDENCIES,
    "-DincludeScope=runtime",
    `-DoutputDirectory=${paths.jars}`,
  ];
}
