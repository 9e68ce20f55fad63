// Asks veraPDF whether each file is PDF/A-2b; a line a file, and the first rules that it breaks.
import java.io.FileInputStream;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.ValidationResult;

public class Pdfa {
    public static void main(String[] files) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        boolean all = true;
        for (String file : files) {
            try (FileInputStream in = new FileInputStream(file);
                    PDFAParser parser = Foundries.defaultInstance().createParser(in, PDFAFlavour.PDFA_2_B)) {
                ValidationResult told =
                        Foundries.defaultInstance().createValidator(PDFAFlavour.PDFA_2_B, false).validate(parser);
                all &= told.isCompliant();
                System.out.printf("%s: %s, %,d checks%n", file, told.isCompliant() ? "PDF/A-2b" : "not PDF/A-2b",
                        told.getTotalAssertions());
                told.getTestAssertions().stream().limit(5)
                        .forEach(each -> System.out.println("  " + each.getRuleId() + " " + each.getMessage()));
            }
        }
        System.exit(all ? 0 : 1);
    }
}
