"""Whether the reports' PDF is PDF/A-2b, as veraPDF judges it; exit code 1 if one is not.

    python -m bench.pdfa REPORT.pdf...

Fetches veraPDF through Maven (some 20 MB) into Maven's own cache, and needs a Java runtime of version 17 or later.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.broker_artifacts import java

VERSION = "1.28.1"
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>muckwatch</groupId><artifactId>pdfa</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.verapdf</groupId><artifactId>validation-model-jakarta</artifactId><version>{VERSION}</version>
</dependency></dependencies></project>
"""


def class_path() -> str:
    """Where veraPDF's classes lie."""
    maven = shutil.which("mvn")
    if maven is None:
        raise SystemExit("fetching veraPDF needs Maven: run tools/setup-system")
    with TemporaryDirectory() as folder:
        (Path(folder) / "pom.xml").write_text(_POM)
        goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath"
        subprocess.run([maven, "-q", "-B", goal, "-Dmdep.outputFile=told"], cwd=folder, check=True)
        return (Path(folder) / "told").read_text()


def main() -> None:
    """Prints a line a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="REPORT.pdf")
    files = [str(path) for path in parser.parse_args().files]
    program = str(Path(__file__).with_name("Pdfa.java"))
    done = subprocess.run([java(), "-cp", class_path(), program, *files], stderr=subprocess.PIPE, text=True)
    if done.returncode > 1 or "Exception" in done.stderr:
        print(done.stderr, file=sys.stderr)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
