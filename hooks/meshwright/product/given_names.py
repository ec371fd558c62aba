"""Given names of many countries, without accents and in lower case, that are no common words of business."""

from __future__ import annotations

from meshwright.product.personal_words import word_set

GIVEN = word_set(
    # English, and what it took from Hebrew and Greek
    "aaron abigail ada adam adele agnes aidan alan albert alex alexander alexandra alfred alice alison amanda amber amelia amy andrea"
    " andrew andy angela anita ann anna annabel anne annie anthony antonia arthur audrey barbara barry beatrice ben benjamin bernard"
    " beth betty beverly bill bob bobby brandon brenda brian bridget bruce bryan caleb cameron carl carla carol caroline catherine"
    " cathy cecilia charles charlie chloe chris christian christina christine christopher cindy claire clara claudia colin connor"
    " craig crystal cynthia daniel danielle david dawn deborah denise dennis derek diana diane dominic donald donna doris dorothy"
    " douglas dylan edgar edith edward edwin eileen elaine eleanor elena eli elizabeth ella ellen emily emma eric erica erin esther"
    " ethan eugene eva evelyn felix fiona frances francis frank fred frederick gabriel gareth gary gavin geoffrey george gerald"
    " gillian gloria gordon grace graham greg gregory hannah harold harriet harry heather helen henry holly howard hugh hugo ian"
    " irene isaac isabel isabella jack jackie jacob jacqueline james jane janet janice jason jasmine jean jeff jeffrey jennifer"
    " jenny jeremy jerry jesse jessica jill jim jimmy joan joanna joe joel john johnny jonathan jordan joseph joshua joyce juan judith"
    " judy julia julian julie justin karen kate katherine kathleen kathryn kathy katie keith kelly ken kenneth kevin kim kimberly"
    " kirsten kyle larry laura lauren lawrence leah leo leon leonard leslie lewis liam linda lisa louis louise lucas lucy luke lydia"
    " lynn madison margaret maria marie marilyn marion martha martin martina mary mathew matthew maureen max megan melanie melissa"
    " michael michelle mike miriam mohamed mohammed molly monica muhammad nancy naomi natalie natasha nathan neil nicholas nick nicole"
    " nigel noah nora oliver olivia oscar owen pamela patricia patrick paul paula pauline peggy peter philip phillip rachel ralph"
    " raymond rebecca richard rita rob robert robin roger ronald rosemary rosie roy russell ruth ryan sally sam samantha samuel sandra"
    " sara sarah scott sean shannon sharon sheila shirley simon sophia sophie stanley stella stephanie stephen steve steven stuart"
    " sue susan suzanne sylvia tamara tara teresa terry theodore theresa thomas tim timothy tina todd tom tony tracy ursula valerie"
    " vanessa vera veronica vicky victor victoria vincent virginia vivian walter wanda wayne wendy william yvonne zachary zoe"
    # German, Dutch and Scandinavian
    " achim alois andreas anders anja anke anneke annika antje arne astrid axel bernd bettina birgit bjorn britta cornelia detlef"
    " dieter dirk doerte eckhard elke emil ernst erik erika eva fabian florian franz franziska friedrich frida gabi gabriele georg"
    " gerd gerhard gisela greta gudrun gunther gustav hans hanna hannes heidi heike heiko heinrich heinz helga helmut henrik herbert"
    " hermann holger horst ida ilse inga inge ingrid jakob jan jens joachim jochen johan johann johanna jonas jorg joris josef jurgen"
    " juergen kai karin karl karsten katja katrin kerstin klaus konrad kurt lars lasse lena liesbeth lieselotte ludwig lukas magnus"
    " maja manfred manuela mareike markus matthias mats maximilian melanie mia mikael monika nadja niels niklas nils ola olaf ole olga"
    " otto petra pia rainer regina reiner renate rolf rudolf ruedi sabine sanne sascha sigrid silke silvia simone sofie sonja stefan"
    " stefanie sven susanne sybille thorsten tobias torsten ulrich ulrike urs ute uwe vreni volker werner wilhelm willem wolfgang"
    # French
    " adrien alain amelie antoine arnaud aurelie baptiste benoit bruno camille cedric celine chantal cyril delphine didier elodie"
    " emilie emmanuel etienne fabien fabrice florence francois francoise frederic genevieve gilles guillaume guy henri isabelle"
    " jacques jeanne jerome josephine julien laurent laetitia luc lucie madeleine manon marcel margot marine mathieu mathilde maxime"
    " michel mireille monique nathalie nicolas odile olivier pascal philippe pierre quentin remi renaud rene romain sebastien serge"
    " sylvie therese thibault thierry valentin veronique virginie xavier yann yves"
    # Italian, Spanish and Portuguese
    " adriana agustin alberto alejandra alejandro alessandra alessandro alessio alfonso alvaro ana andres angelo antonella antonio"
    " arturo aurora beatriz bruna carlo carlos carmela carmen catarina chiara cristina davide diego domenico eduardo elisa emilio"
    " enrique ernesto esteban federico felipe fernanda fernando filippo francesca francesco francisco gabriela giacomo gianluca"
    " giorgia giorgio giovanna giovanni giulia giulio giuseppe gonzalo guadalupe guillermo gustavo hector ignacio ines isabela jaime"
    " javier joao joaquin jorge jose juana julio laura leonardo leticia lorenzo lourdes luca lucia luciano luigi luis luisa manuel"
    " marcela marcelo marco marcos margarita mariana mario marisol marta mateo matteo mauricio mercedes miguel natalia nicola nuria"
    " pablo paola paolo patrizia paulo pedro pilar rafael ramon raquel raul renata ricardo roberta roberto rocio rodrigo rosa"
    " salvatore sergio simona sofia soledad stefania stefano susana tatiana thiago tiago tomas valentina valeria vicente vincenzo"
    # Slavic, Baltic, Finnish, Greek and Turkish
    " agnieszka aleksander aleksandra alexei alexey anastasia andrei andrej andrzej anton barbora bartosz beata bogdan boris ewa"
    " dagmar danuta daria dimitri dmitri dmitry dorota dragan elzbieta emre fatma filip galina goran grzegorz halina hanna hatice"
    " igor iryna irina ivan ivana ivo jadwiga jakub jana jaroslav jerzy jiri joanna jozef juha kamil katarina katarzyna krzysztof"
    " lenka leszek luka maciej magdalena malgorzata marek marina martti mateja mehmet mihai milan miroslav mustafa nikola nikolai"
    " nina oksana oleg olena ondrej osman pavel pawel pekka petr piotr radek radka radu sergei sergey slawomir stanislav svetlana"
    " tadeusz tereza timo tomasz vaclav vesna viktor vladimir wojciech yusuf yuri zofia zoltan zuzana ayse ahmet"
    # Asia, Africa and the Arab world
    " abdul abdullah abebe adebayo ahmed aisha akira ali amina amit anil anjali aryan ashok ayumi chen chidi chinedu deepak fatima"
    " hassan haruki hiroshi hussein ibrahim jing kofi kwame lakshmi layla leila mei mina mustapha nadia nasser ngozi omar oluwaseun"
    " pooja priya rahul rajesh ravi sanjay satoshi sunita suresh takashi thandiwe vijay wei xiao yasmin yoko yuki yusra zainab"
)
